// The network file beside a model card: read again, it gives the checkpoint's network, including all initial values.
import fc from "fast-check";
import { expect, test } from "vitest";
import { NETWORK_MARK, networkJson } from "../../src/export/keras/network-json.js";
import { buildNetwork } from "../../src/shared/network/build.js";
import { readKerasJson } from "../../src/shared/network/keras-json.js";
import { PRESET_NAMES, presetNetwork } from "../../src/shared/network/presets.js";
import type { Initializer, NetworkSpec } from "../../src/shared/network/spec.js";
import { dense, networkOf } from "../graph/networks.js";
import { EXPORT_CASES } from "../support/export-cases.js";
import { randomNetworks } from "../support/random-networks.js";

/** As text: the order of the keys is part of a checkpoint's bytes. */
function expectSame(spec: NetworkSpec): void {
  const network = buildNetwork(spec).spec;
  expect(JSON.stringify(readKerasJson(networkJson(network)))).toBe(JSON.stringify(network));
}

test.each(EXPORT_CASES)("$name", ({ checkpoint }) => expectSame(checkpoint.config.network));

test.each(PRESET_NAMES)("the preset %s", (name) => {
  const shape = name.startsWith("cnn") ? [8, 8, 3] : [7];
  expectSame(presetNetwork(name, shape, 3));
});

test("random networks", () => {
  fc.assert(fc.property(randomNetworks, expectSame), { numRuns: 50 });
});

const INITIALIZERS: Initializer[] = [
  { kind: "constant", value: 0.25 },
  { kind: "truncated-normal", mean: 0.5, standardDeviation: 0.1 },
  { kind: "normal", mean: -1, standardDeviation: 2 },
  { kind: "uniform", min: -0.1, max: 0.3 },
  ...(["fan-in", "fan-out", "fan-average"] as const).flatMap((mode) =>
    (["truncated-normal", "normal", "uniform"] as const).map((distribution): Initializer => ({
      kind: "variance-scaling",
      scale: 1.5,
      mode,
      distribution,
    })),
  ),
];

test.each(INITIALIZERS)("initial values: %j", (initializer) => {
  const initializers = { kernelInitializer: initializer, biasInitializer: initializer };
  const layer = { kind: "dense", units: 2, useBias: true, ...initializers } as const;
  expectSame(networkOf([3], [["out", layer]]).spec);
});

test("layers that are not trained, and names that JSON has to escape", () => {
  const { spec } = networkOf([3], [["out\"\\é/bn'", dense(2)]]);
  expectSame({ ...spec, layers: spec.layers.map((node) => ({ ...node, trainable: false })) });
});

test("is known again by its first characters", () => {
  expect(networkJson(presetNetwork("sigmoid", [7], 3)).startsWith(NETWORK_MARK)).toBe(true);
});
