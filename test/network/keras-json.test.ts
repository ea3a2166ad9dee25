import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TandemError } from "../../src/shared/errors.js";
import { buildNetwork } from "../../src/shared/network/build.js";
import { readKerasJson } from "../../src/shared/network/keras-json.js";
import { networkText } from "../../src/shared/network/schema.js";
import type { Initializer, LayerSpec } from "../../src/shared/network/spec.js";

const readFixture = (name: string) =>
  readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8");

interface KerasShapes {
  output: number[];
  layers: Record<string, number[]>;
  weights: Record<string, number[][]>;
}
const kerasShapes = JSON.parse(readFixture("shapes.json")) as Record<string, KerasShapes>;

/** The layer with this name in a fixture. */
function findLayer(fixture: string, name: string): LayerSpec {
  return readKerasJson(readFixture(fixture)).layers.find((node) => node.name === name)!.layer;
}

describe.each(Object.keys(kerasShapes))("%s", (fixture) => {
  const expected = kerasShapes[fixture]!;

  it.each(["keras2", "keras3"])("has the shapes that Keras computes (%s)", (version) => {
    const network = buildNetwork(readKerasJson(readFixture(`${fixture}.${version}.json`)));
    expect(network.outputShape).toEqual(expected.output);
    for (const [name, shape] of Object.entries(expected.layers)) {
      // The activation "linear" does not become a layer.
      if (name === "nothing") continue;
      const layer = network.layers.find((each) => each.name === name);
      expect([name, layer?.shape]).toEqual([name, shape]);
    }
  });

  it.each(["keras2", "keras3"])("has the weights that Keras has (%s)", (version) => {
    const network = buildNetwork(readKerasJson(readFixture(`${fixture}.${version}.json`)));
    const weights: Record<string, number[][]> = {};
    for (const { name, shape } of network.parameters) {
      const layer = name.split("/")[0]!;
      (weights[layer] ??= []).push([...shape]);
    }
    // Mean and variance are weights in Keras.
    for (const { name, channels } of network.statistics) {
      (weights[name] ??= []).push([channels], [channels]);
    }
    expect(weights).toEqual(expected.weights);
  });

  it("is one network, whichever version wrote it", () => {
    // Keras 2 keeps slopes as float32.
    const round = (_: string, value: unknown) =>
      typeof value === "number" ? Math.fround(value) : value;
    const [two, three] = ["keras2", "keras3"].map((version) =>
      JSON.stringify(readKerasJson(readFixture(`${fixture}.${version}.json`)), round),
    );
    expect(two).toBe(three);
  });
});

describe("layers", () => {
  it("keep their options", () => {
    expect(findLayer("mnist.keras3.json", "conv2")).toEqual({
      kind: "conv2d",
      filters: 64,
      kernelSize: [3, 5],
      strides: [2, 1],
      padding: "valid",
      useBias: true,
      kernelInitializer: {
        kind: "variance-scaling",
        scale: 1,
        mode: "fan-average",
        distribution: "uniform",
      },
      biasInitializer: { kind: "constant", value: 0 },
    });
    expect(findLayer("mnist.keras3.json", "bn1")).toMatchObject({ epsilon: 1e-5, momentum: 0.99 });
    expect(findLayer("residual.keras3.json", "border")).toEqual({
      kind: "zero-padding",
      top: 1,
      bottom: 2,
      left: 3,
      right: 0,
    });
    expect(findLayer("residual.keras3.json", "rows")).toEqual({ kind: "concatenate", axis: 0 });
  });

  it.each<[string, LayerSpec]>([
    ["a/relu6", { kind: "activation", activation: "relu6", alpha: 0 }],
    ["b/elu", { kind: "activation", activation: "elu", alpha: 1 }],
    ["c/gelu", { kind: "activation", activation: "gelu", alpha: 0 }],
    ["d/silu", { kind: "activation", activation: "silu", alpha: 0 }],
    ["f/leaky-relu", { kind: "activation", activation: "leaky-relu", alpha: 0.2 }],
    ["g/silu", { kind: "activation", activation: "silu", alpha: 0 }],
    ["leaky", { kind: "activation", activation: "leaky-relu", alpha: 0.3 }],
  ])("activation %s", (name, expected) => {
    expect(findLayer("table.keras3.json", name)).toEqual(expected);
  });

  it.each<[string, Initializer]>([
    ["a", { kind: "variance-scaling", scale: 2, mode: "fan-in", distribution: "uniform" }],
    [
      "b",
      {
        kind: "variance-scaling",
        scale: 1,
        mode: "fan-average",
        distribution: "truncated-normal",
      },
    ],
    ["c", { kind: "variance-scaling", scale: 1, mode: "fan-in", distribution: "truncated-normal" }],
    ["d", { kind: "variance-scaling", scale: 1, mode: "fan-in", distribution: "uniform" }],
    ["e", { kind: "truncated-normal", mean: 0, standardDeviation: 0.1 }],
    ["f", { kind: "normal", mean: 0.5, standardDeviation: 0.25 }],
    ["g", { kind: "uniform", min: -0.5, max: 0.25 }],
    ["h", { kind: "variance-scaling", scale: 3, mode: "fan-out", distribution: "normal" }],
    ["out", { kind: "constant", value: 0 }],
  ])("initializer of %s", (name, expected) => {
    expect(findLayer("table.keras3.json", name)).toMatchObject({ kernelInitializer: expected });
  });

  it("of which some are not trainable", () => {
    const network = buildNetwork(readKerasJson(readFixture("table.keras3.json")));
    const frozen = network.parameters.filter(({ trainable }) => !trainable);
    expect(frozen.map(({ name }) => name)).toEqual(["bn2/scale", "out/kernel", "out/bias"]);
    expect(network.statistics).toMatchObject([
      { name: "bn", trainable: true, momentum: 0.99 },
      { name: "bn2", trainable: false, momentum: 0.9 },
    ]);
  });

  it("a separable convolution is a depthwise and a 1×1 convolution", () => {
    const network = buildNetwork(readKerasJson(readFixture("separable.keras3.json")));
    expect(network.layers.slice(0, 3).map(({ name, inputs }) => [name, inputs])).toEqual([
      ["separable1/depthwise", ["input"]],
      ["separable1", ["separable1/depthwise"]],
      ["separable1/relu", ["separable1"]],
    ]);
    expect(network.parameters[0]).toMatchObject({ fanIn: 27, fanOut: 18, role: "kernel" });
  });
});

describe("files of TensorFlow.js", () => {
  it("toJSON of a sequential model", () => {
    const network = buildNetwork(readKerasJson(readFixture("sequential.tfjs.json")));
    expect(network.inputShape).toEqual([4, 4]);
    expect(network.layers.map(({ name }) => name)).toEqual([
      ...["flatten", "a", "a/relu6", "b", "b/gelu", "c", "softmax"],
    ]);
    expect(network.parameters[0]).toMatchObject({
      name: "a/kernel",
      initializer: { scale: 2, mode: "fan-in", distribution: "truncated-normal" },
    });
  });

  it("a model.json of a functional model", () => {
    const network = buildNetwork(readKerasJson(readFixture("functional.tfjs.json")));
    const shapes = new Map(network.layers.map(({ name, shape }) => [name, shape]));
    expect(shapes.get("border")).toEqual([14, 16, 3]);
    expect(shapes.get("concat")).toEqual([6, 7, 8]);
    // Written with null instead of −1.
    expect(shapes.get("reshape")).toEqual([1, 4, 8]);
    expect(network.outputShape).toEqual([2]);
  });

  it("a model that was written as JSON twice", () => {
    const text = JSON.stringify(readFixture("sequential.tfjs.json"));
    expect(readKerasJson(text).layers).toHaveLength(7);
  });
});

it("takes the sum of two tensors as an add layer", () => {
  const { layers } = readKerasJson(readFixture("sum.keras3.json"));
  expect(layers.map(({ name, inputs }) => [name, inputs])).toEqual([
    ["dense", ["input"]],
    ["add", ["input", "dense"]],
    ["out", ["add"]],
  ]);
});

it("a network's description is the same text after a second reading", () => {
  const spec = readKerasJson(readFixture("residual.keras3.json"));
  const text = networkText(spec);
  const shuffled = JSON.parse(text, (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).reverse())
      : value,
  ) as typeof spec;
  expect(networkText(shuffled)).toBe(text);
});

it("errors are of the code network", () => {
  expect(() => readKerasJson("")).toThrow(TandemError);
});
