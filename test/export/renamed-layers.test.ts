// Layers whose names Keras does not allow are renamed in an export, and have their own names again when it is read back.
import { join } from "node:path";
import { expect, test } from "vitest";
import { encodeExport } from "../../src/export/export-model.js";
import { writeExport } from "../../src/export/export-target.js";
import { fitInitialWeights, readInitialWeights } from "../../src/run/initial-weights.js";
import { dense, networkOf } from "../graph/networks.js";
import { configOf } from "../support/config.js";
import { temporaryFolder } from "../support/data.js";
import { checkpointWith } from "../support/export-cases.js";

/** All of one shape, so that weights would fit the wrong layer too. */
const NAMES = ["a/b", "a:b", "a_b", "a_b_1", "inputs", "pixels"];

test("the weights of layers whose names differ only in characters that Keras forbids are not mixed up", async () => {
  const network = networkOf(
    [2],
    [...NAMES, "out"].map((name) => [name, dense(2)] as const),
  );
  const config = configOf({
    engine: { name: "wasm" },
    network: network.spec,
    loss: { kind: "mean-squared-error" },
    data: {
      inputType: "uint8",
      target: { kind: "values", count: 2 },
      digest: "0".repeat(64),
    },
  });
  const checkpoint = checkpointWith(config);
  const output = join(temporaryFolder(), "export");
  await writeExport(output, "tfjs", encodeExport(checkpoint, "tfjs"));

  const stored = readInitialWeights(join(output, "model.json"));
  const { tensors, report } = fitInitialWeights(stored, network, 0);
  expect(report).toMatchObject({ taken: [...NAMES, "out"], drawn: [], unused: [] });
  const names = new Set(tensors.map(({ name }) => name));
  expect(tensors).toEqual(checkpoint.tensors.filter(({ name }) => names.has(name)));
});
