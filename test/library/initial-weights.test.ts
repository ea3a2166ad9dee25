// Weights to start from, as TensorFlow.js stores Keras's: names and shapes are matched one for one, or refused by layer.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { fitInitialWeights, readInitialWeights } from "../../src/run/initial-weights.js";
import { resolveConfig } from "../../src/run/run-choices.js";
import { arraySource } from "../../src/shared/data/array-source.js";
import { TandemError } from "../../src/shared/errors.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { temporaryFolder } from "../support/data.js";
import { type KerasLayer, sequential, type StoredWeight, writeModel } from "../support/keras.js";

const LAYERS: KerasLayer[] = [
  ["SeparableConv2D", "sep", { filters: 3, kernel_size: [2, 2], padding: "same", use_bias: true }],
  ["BatchNormalization", "norm", {}],
  ["Flatten", "flat"],
  ["Dense", "out", { units: 2, use_bias: true }],
];
const TOPOLOGY = sequential([2, 2, 1], LAYERS);

let next = 0;
const weight = (name: string, ...shape: number[]): StoredWeight => {
  const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next++ / 8);
  return { name, shape, values };
};
const WEIGHTS = [
  weight("sep/depthwise_kernel", 2, 2, 1, 1),
  weight("sep/pointwise_kernel", 1, 1, 1, 3),
  weight("sep/bias", 3),
  weight("norm/gamma", 3),
  weight("norm/beta", 3),
  weight("norm/moving_mean", 3),
  weight("norm/moving_variance", 3),
  weight("model/out/kernel:0", 12, 2),
  weight("model/out/bias:0", 2),
];

const data = arraySource({
  inputShape: [2, 2, 1],
  inputs: new Uint8Array(40),
  targets: Int32Array.from({ length: 10 }, (_, index) => index % 2),
  test: { inputs: new Uint8Array(4), targets: [1] },
});

/** The layout of a run from these weights. */
function fit(file: string, network?: string) {
  const initial = readInitialWeights(file);
  const choices = network === undefined ? {} : { network: network as "cnn" };
  const config = resolveConfig(choices, { data, steps: 1, defaultShards: 1, initial });
  return fitInitialWeights(initial, layoutOfRun(config));
}

function failureOf(work: () => unknown): TandemError {
  try {
    work();
  } catch (error) {
    if (error instanceof TandemError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});

test("each tensor of a model.json is found under its own name", () => {
  const tensors = fit(writeModel(folder, TOPOLOGY, WEIGHTS));
  const found = Object.fromEntries(tensors.map(({ name, values }) => [name, [...values]]));
  const stored = (name: string) => WEIGHTS.find((each) => each.name.includes(name))!.values;
  expect(found).toEqual({
    "sep/depthwise/kernel": stored("depthwise_kernel"),
    "sep/kernel": stored("pointwise_kernel"),
    "sep/bias": stored("sep/bias"),
    "norm/scale": stored("gamma"),
    "norm/beta": stored("norm/beta"),
    "out/kernel": stored("out/kernel"),
    "out/bias": stored("out/bias"),
    "norm/pop_mean": stored("moving_mean"),
    "norm/pop_var": stored("moving_variance"),
  });
});

test("the digest is of the weights, in whatever order and files they are stored", () => {
  const { digest } = readInitialWeights(writeModel(folder, TOPOLOGY, WEIGHTS));
  const other = temporaryFolder();
  const reversed = readInitialWeights(writeModel(other, TOPOLOGY, WEIGHTS.toReversed()));
  expect(reversed.digest).toBe(digest);
  const changed = WEIGHTS.map((each, index) =>
    index > 0 ? each : weight(each.name, ...each.shape),
  );
  expect(readInitialWeights(writeModel(other, TOPOLOGY, changed)).digest).not.toBe(digest);
});

describe("is refused, by layer", () => {
  const without = (name: string) => WEIGHTS.filter((each) => !each.name.includes(name));

  test("a tensor of another shape", () => {
    const weights = [...without("out/bias"), weight("out/bias", 3)];
    const { message } = failureOf(() => fit(writeModel(folder, TOPOLOGY, weights)));
    expect(message).toMatch(/out\/bias of the layer "out" is \[3\], and the network has \[2\]/);
  });

  test("what is missing, with the list of it", () => {
    const { message, exitCode } = failureOf(() =>
      fit(writeModel(folder, TOPOLOGY, without("norm/"))),
    );
    expect(exitCode).toBe(2);
    expect(message).toMatch(
      /lacks "norm\/scale", "norm\/beta", "norm\/pop_mean", "norm\/pop_var"\./,
    );
  });

  test("layers of other names", () => {
    const file = writeModel(folder, TOPOLOGY, WEIGHTS);
    const { message } = failureOf(() => fit(file, "sigmoid"));
    expect(message).toMatch(/lacks "fc1\/kernel".* and \d more; it has "sep\/depthwise\/kernel"/);
  });

  test("a layer that the network lacks, and one that is there twice", () => {
    const more = [...WEIGHTS, weight("extra/kernel", 1)];
    expect(failureOf(() => fit(writeModel(folder, TOPOLOGY, more))).message).toMatch(
      /has "extra\/kernel", which the network lacks/,
    );
    const twice = [...WEIGHTS, weight("out/bias", 2)];
    expect(failureOf(() => fit(writeModel(folder, TOPOLOGY, twice))).message).toMatch(
      /"out\/bias" twice/,
    );
  });
});

describe("is refused, by file", () => {
  const refusals: [string, (manifest: Record<string, unknown>[]) => void, RegExp][] = [
    ["no manifest", (manifest) => manifest.splice(0, 1, {}), /no valid weightsManifest/],
    [
      "a path out of its folder",
      ([group]) => (group!["paths"] = ["../x"]),
      /"\.\.\/x".*not a file beside it/,
    ],
    ["an absolute path", ([group]) => (group!["paths"] = ["/etc/passwd"]), /not a file beside it/],
    [
      "a file that is not there",
      ([group]) => (group!["paths"] = ["none.bin"]),
      /none\.bin does not exist/,
    ],
    ["a file too few", ([group]) => (group!["paths"] = ["shard1.bin"]), /its manifest asks for/],
    ["float16", ([group]) => edit(group, { dtype: "float16" }), /is "float16", and not float32/],
    ["quantized", ([group]) => edit(group, { quantization: { dtype: "uint8" } }), /is quantized/],
    ["a huge shape", ([group]) => edit(group, { shape: [2 ** 28, 4] }), /is too large/],
  ];
  const edit = (group: Record<string, unknown> | undefined, change: object) =>
    Object.assign((group!["weights"] as object[])[0]!, change);

  test.each(refusals)("%s", (_what, change, sentence) => {
    const file = writeModel(folder, TOPOLOGY, WEIGHTS, change);
    const { message, exitCode } = failureOf(() => readInitialWeights(file));
    expect(message).toMatch(sentence);
    expect(message).not.toContain("\n");
    expect(exitCode).toBe(2);
  });

  test("numbers that are not finite", () => {
    const [first, ...others] = WEIGHTS;
    const broken = { ...first!, values: [Number.NaN, 0, 0, 0] };
    const { message } = failureOf(() => fit(writeModel(folder, TOPOLOGY, [broken, ...others])));
    expect(message).toMatch(/"sep\/depthwise_kernel" holds a number that is not finite/);
  });

  test("a model without weights, no JSON, and nothing at all", () => {
    const file = join(folder, "model.json");
    expect(failureOf(() => readInitialWeights(file)).code).toBe("network-file");
    writeFileSync(file, TOPOLOGY);
    expect(failureOf(() => readInitialWeights(file)).code).toBe("initial-weights");
    writeFileSync(file, "nothing");
    expect(failureOf(() => readInitialWeights(file)).code).toBe("network");
    expect(failureOf(() => readInitialWeights(join(folder, "c"))).code).toBe("checkpoint-missing");
  });
});
