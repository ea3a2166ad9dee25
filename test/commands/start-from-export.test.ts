// A run that starts from Tandem's own TensorFlow.js export, in real processes: it finds the weights that were exported, whether it is
// given the network again or takes the export's.
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { readCheckpoint } from "../../src/shared/checkpoint/checkpoint.js";
import { npyFile } from "../support/arrays.js";
import { temporaryFolder, writeDataset } from "../support/data.js";
import { tandem } from "../support/tandem.js";

const cwd = temporaryFolder();
const at = (...path: string[]) => join(cwd, ...path);
const run = (...args: string[]) => tandem(args, { cwd });
const SETTINGS = ["--engine", "wasm", "--batch-size", "8", "--validation-size", "0", "--json"];
const DATA = ["--data", writeDataset()];
const EXPORT = join("export", "model.json");

async function train(...args: string[]) {
  const ended = await run("single", ...SETTINGS, ...args);
  expect(ended.code, ended.stderr).toBe(0);
  return ended;
}

/** Digests of parameters and population statistics, without the optimizer's slots. */
function weightsIn(file: string): Map<string, string> {
  const { tensors } = readCheckpoint(at(file));
  const own = tensors.filter(({ name }) => !/^(adam|momentum)\//.test(name));
  const digestOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
    createHash("sha256")
      .update(new Uint8Array(buffer, byteOffset, byteLength))
      .digest("hex");
  return new Map(own.map(({ name, values }) => [name, digestOf(values)]));
}

beforeAll(async () => {
  await train(...DATA, "--steps", "5", "--output", "trained.safetensors");
  const args = ["export", "trained.safetensors", "--format", "tfjs", "--output", "export"];
  expect((await run(...args)).code).toBe(0);
  // Or there would be nothing to leave out.
  expect(readFileSync(at(EXPORT), "utf8")).toContain("Rescaling");
});

test("into the same network, the weights and the digest are those of the checkpoint", async () => {
  const settings = [...DATA, "--network", "cnn", "--steps", "0"];
  const starts = { export: EXPORT, checkpoint: "trained.safetensors" };
  for (const [name, initial] of Object.entries(starts)) {
    const output = `${name}.safetensors`;
    const { events } = await train(...settings, "--initial", initial, "--output", output);
    expect(events.find(({ event }) => event === "initial-weights")).toMatchObject({
      ...{ drawn: [], unused: [] },
      taken: ["conv1", "conv1/bn", "conv2", "conv2/bn", "fc1", "fc1/bn", "fc2"],
    });
  }
  expect(weightsIn("export.safetensors")).toEqual(weightsIn("trained.safetensors"));
  const [own, other] = ["export", "checkpoint"].map((name) => at(`${name}.safetensors`));
  expect(readFileSync(own!).equals(readFileSync(other!))).toBe(true);
});

test("with the export's own network, it is as good as the checkpoint, and is trained on", async () => {
  await train(...DATA, "--steps", "0", "--initial", EXPORT, "--output", "own.safetensors");
  const found = [...weightsIn("own.safetensors")];
  // Keras allows no slashes in the names of layers.
  const named = found.map(([name, digest]) => [name.replace("_bn/", "/bn/"), digest] as const);
  expect(new Map(named)).toEqual(weightsIn("trained.safetensors"));
  const resultOf = async (file: string) =>
    (await run("evaluate", file, ...DATA, "--json")).events.at(-1)!["testLoss"];
  expect(await resultOf("own.safetensors")).toBe(await resultOf("trained.safetensors"));
  const more = ["--steps", "3", "--initial", EXPORT, "--output", "more.safetensors"];
  const { events } = await train(...DATA, ...more);
  expect(events.at(-1)).toMatchObject({ event: "end", step: 3 });
});

test("as --network, it is the network for pixels, and refused for inputs that nobody divides by 255", async () => {
  await train(...DATA, "--steps", "0", "--network", EXPORT, "--output", "drawn.safetensors");
  const names = [...weightsIn("drawn.safetensors").keys()];
  expect(names).toContain("conv1_bn/pop_mean");
  const folder = mkdtempSync(at("floats-"));
  const classes = Uint8Array.from({ length: 20 }, (_, index) => index % 4);
  for (const set of ["train", "test"]) {
    writeFileSync(join(folder, `x_${set}.npy`), npyFile(new Float32Array(1600), [20, 8, 10, 1]));
    writeFileSync(join(folder, `y_${set}.npy`), npyFile(classes, [20]));
  }
  for (const option of ["--network", "--initial"]) {
    const args = ["single", ...SETTINGS, "--data", folder, option, EXPORT];
    const { code, stderr } = await run(...args);
    expect(stderr).toMatch(/^tandem: .*layer "pixels" cannot be used: it divides pixels by 255/);
    expect(stderr.trim().split("\n"), stderr).toHaveLength(1);
    expect(code).toBe(2);
  }
  // Weights alone say nothing about inputs.
  const weights = ["--network", "cnn", "--initial", EXPORT, "--steps", "0"];
  await train("--data", folder, ...weights, "--output", "floats.safetensors");
  expect(weightsIn("floats.safetensors")).toEqual(weightsIn("trained.safetensors"));
});
