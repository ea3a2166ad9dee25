// Weights to start from, as TensorFlow.js stores Keras's: a layer takes those of its name and shapes, or is drawn, or refused.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { fitInitialWeights, readInitialWeights } from "../../src/run/initial-weights.js";
import { resolveConfig } from "../../src/run/run-choices.js";
import { arraySource } from "../../src/shared/data/array-source.js";
import { TandemError } from "../../src/shared/errors.js";
import { buildNetwork } from "../../src/shared/network/build.js";
import { initialTensors } from "../../src/shared/network/initial-values.js";
import { readKerasJson } from "../../src/shared/network/keras-json.js";
import type { NetworkSpec } from "../../src/shared/network/spec.js";
import { temporaryFolder } from "../support/data.js";
import { type KerasLayer, sequential, type StoredWeight, writeModel } from "../support/keras.js";

const LAYERS: KerasLayer[] = [
  ["SeparableConv2D", "sep", { filters: 3, kernel_size: [2, 2], padding: "same", use_bias: true }],
  ["BatchNormalization", "norm", {}],
  ["Flatten", "flat"],
  ["Dense", "out", { units: 2, use_bias: true }],
];
const SEED = 5;
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

/** What a run starts from. */
function fit(file: string, network?: string | NetworkSpec) {
  const initial = readInitialWeights(file);
  const choices = network === undefined ? {} : { network: network as "cnn" };
  const config = resolveConfig(choices, { data, steps: 1, defaultShards: 1, initial });
  return fitInitialWeights(initial, buildNetwork(config.network), SEED);
}

/** The file's network with other layers in the places of those named so. */
function networkWith(changes: Record<string, KerasLayer>): NetworkSpec {
  return readKerasJson(
    sequential(
      [2, 2, 1],
      LAYERS.map((layer) => changes[layer[1]] ?? layer),
    ),
  );
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
  const { tensors, report } = fit(writeModel(folder, TOPOLOGY, WEIGHTS));
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
  const taken = ["sep/depthwise", "sep", "norm", "out"];
  expect(report).toMatchObject({ taken, drawn: [], unused: [] });
});

test("the digest is of the weights, in whatever order and files they are stored", () => {
  const { digest } = fit(writeModel(folder, TOPOLOGY, WEIGHTS));
  const other = temporaryFolder();
  const reversed = fit(writeModel(other, TOPOLOGY, WEIGHTS.toReversed()));
  expect(reversed.digest).toBe(digest);
  const changed = WEIGHTS.map((each, index) =>
    index > 0 ? each : weight(each.name, ...each.shape),
  );
  expect(fit(writeModel(other, TOPOLOGY, changed)).digest).not.toBe(digest);
});

describe("fine-tuning", () => {
  const drawnFor = (network: NetworkSpec, layer: string) =>
    initialTensors(buildNetwork(network), SEED).filter(({ name }) => name.startsWith(`${layer}/`));

  test.each([
    ["with an output layer of another name", "head", ["out"]],
    ["with an output layer of another shape", "out", ["out"]],
  ])("%s draws it, and takes the other layers", (_what, name, unused) => {
    const network = networkWith({ out: ["Dense", name, { units: 3 }] });
    const stored = readInitialWeights(writeModel(folder, TOPOLOGY, WEIGHTS));
    const { tensors, report } = fitInitialWeights(stored, buildNetwork(network), SEED);
    const taken = ["sep/depthwise", "sep", "norm"];
    expect(report).toMatchObject({ taken, drawn: [name], unused });
    const head = tensors.filter((tensor) => tensor.name.startsWith(`${name}/`));
    expect(head).toEqual(drawnFor(network, name));
    expect(head.map(({ shape }) => shape)).toEqual([[12, 3], [3]]);
    const norm = tensors.find((tensor) => tensor.name === "norm/scale");
    expect([...norm!.values]).toEqual(WEIGHTS.find((each) => each.name === "norm/gamma")!.values);
  });

  test("has a digest of what is taken alone", () => {
    const network = buildNetwork(networkWith({ out: ["Dense", "head", { units: 3 }] }));
    const digestOf = (...weights: StoredWeight[]) => {
      const stored = readInitialWeights(writeModel(folder, TOPOLOGY, weights));
      return fitInitialWeights(stored, network, SEED).digest;
    };
    const digest = digestOf(...WEIGHTS);
    const changed = (name: string) =>
      WEIGHTS.map((each) => (each.name.endsWith(name) ? weight(each.name, ...each.shape) : each));
    expect(digestOf(...changed("out/bias:0"))).toBe(digest);
    expect(digestOf(...changed("norm/beta"))).not.toBe(digest);
  });

  const refusals: [string, Record<string, KerasLayer>, RegExp][] = [
    [
      "a layer in the middle of another shape",
      { sep: ["SeparableConv2D", "sep", { filters: 4, kernel_size: [2, 2], padding: "same" }] },
      /layer "sep" has bias \[3\], kernel \[1, 1, 1, 3\] in the file but bias \[4\], kernel \[1, 1, 1, 4\] in the network/,
    ],
    [
      "a layer in the middle with other tensors",
      { norm: ["BatchNormalization", "norm", { scale: false }] },
      /layer "norm" has beta \[3\], pop_mean \[3\], pop_var \[3\], scale \[3\] in the file but/,
    ],
    [
      "a layer that is not trained and would be drawn",
      { norm: ["BatchNormalization", "other", { trainable: false }] },
      /layer "other" is not trained and has no weights in the file/,
    ],
  ];
  test.each(refusals)("is refused with %s", (_what, changes, sentence) => {
    const stored = readInitialWeights(writeModel(folder, TOPOLOGY, WEIGHTS));
    const network = buildNetwork(networkWith(changes));
    const { message, exitCode } = failureOf(() => fitInitialWeights(stored, network, SEED));
    expect(message).toMatch(sentence);
    expect(exitCode).toBe(2);
  });

  test("is refused where no layer fits, with the names of both sides", () => {
    const file = writeModel(folder, TOPOLOGY, WEIGHTS);
    const { message, exitCode } = failureOf(() => fit(file, "sigmoid"));
    expect(message).toMatch(
      /no layer matches\. The file has "sep\/depthwise".*, the network "fc1"/,
    );
    expect(exitCode).toBe(2);
  });
});

describe("is refused, by layer", () => {
  const without = (name: string) => WEIGHTS.filter((each) => !each.name.includes(name));

  test("a tensor of another shape than in the file's own network", () => {
    const weights = [...without("out/bias"), weight("out/bias", 3)];
    const { message, exitCode } = failureOf(() => fit(writeModel(folder, TOPOLOGY, weights)));
    expect(message).toMatch(/layer "out" has bias \[3\], .*but bias \[2\], .*in its own network/);
    expect(exitCode).toBe(2);
  });

  test("a layer of its own network without weights", () => {
    const file = writeModel(folder, TOPOLOGY, without("norm/"));
    const { message } = failureOf(() => fit(file));
    expect(message).toMatch(/layer "norm" has no weights, but beta \[3\]/);
  });

  test("a layer that its own network lacks, and a tensor that is there twice", () => {
    const more = [...WEIGHTS, weight("extra/kernel", 1)];
    expect(failureOf(() => fit(writeModel(folder, TOPOLOGY, more))).message).toMatch(
      /weights of a layer "extra", which its network lacks/,
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
    ["float16", ([group]) => edit(group, { dtype: "float16" }), /is "float16", not float32/],
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
