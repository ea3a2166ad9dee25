import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { buildNetwork } from "../../src/shared/network/build.js";
import { initialTensors } from "../../src/shared/network/initial-values.js";
import { presetNetwork } from "../../src/shared/network/presets.js";
import type { Initializer } from "../../src/shared/network/spec.js";

function drawKernel(kernelInitializer: Initializer, rows = 300, columns = 100): Float32Array {
  const network = buildNetwork({
    inputShape: [rows],
    layers: [
      {
        name: "dense",
        inputs: ["input"],
        trainable: true,
        layer: {
          kind: "dense",
          units: columns,
          useBias: false,
          kernelInitializer,
          biasInitializer: { kind: "constant", value: 0 },
        },
      },
    ],
  });
  return initialTensors(network, 5)[0]!.values;
}

function describeValues(values: Float32Array) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const max = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return { mean, deviation: Math.sqrt(variance), max };
}

describe("initial values", () => {
  it("are those that the preset cnn has always had", () => {
    const tensors = initialTensors(buildNetwork(presetNetwork("cnn", [28, 28, 1], 10)), 1);
    const hash = createHash("sha256");
    for (const { name, shape, values } of tensors) {
      hash.update(JSON.stringify({ name, shape }));
      hash.update(new Uint8Array(values.buffer));
    }
    expect(tensors.map(({ name }) => name)).toEqual([
      ...["conv1/kernel", "conv1/bn/scale", "conv1/bn/beta"],
      ...["conv2/kernel", "conv2/bn/scale", "conv2/bn/beta"],
      ...["fc1/kernel", "fc1/bn/scale", "fc1/bn/beta", "fc2/kernel", "fc2/bias"],
      ...["conv1/bn/pop_mean", "conv1/bn/pop_var", "conv2/bn/pop_mean", "conv2/bn/pop_var"],
      ...["fc1/bn/pop_mean", "fc1/bn/pop_var"],
    ]);
    // Taken from the first version of this network, before networks were data.
    expect(hash.digest("hex")).toBe(
      "7f0b598a70ce2d58d3a039962fd6b35af41ed33a9e5f8a739b11ee3b05cbfd52",
    );
  });

  it("differ with the seed and with the parameter's name", () => {
    const network = buildNetwork(presetNetwork("sigmoid", [100], 100));
    const [one, two] = [1, 2].map((seed) => initialTensors(network, seed));
    const valuesOf = (tensors: typeof one, name: string) =>
      tensors!.find((tensor) => tensor.name === name)!.values;
    expect(valuesOf(one, "fc1/kernel")).toEqual(valuesOf(initialTensors(network, 1), "fc1/kernel"));
    expect(valuesOf(one, "fc1/kernel")).not.toEqual(valuesOf(two, "fc1/kernel"));
    expect(valuesOf(one, "fc1/kernel")).not.toEqual(valuesOf(one, "fc2/kernel"));
  });

  // 30,000 values: the mean is known to σ/173, the deviation to about σ/245.
  it.each<[string, Initializer, { mean: number; deviation: number; max: number }]>([
    ["constant", { kind: "constant", value: 0.25 }, { mean: 0.25, deviation: 0, max: 0.25 }],
    [
      "truncated normal",
      { kind: "truncated-normal", mean: 1, standardDeviation: 0.5 },
      { mean: 1, deviation: 0.5 * 0.8796, max: 2 },
    ],
    [
      "normal",
      { kind: "normal", mean: -1, standardDeviation: 0.5 },
      { mean: -1, deviation: 0.5, max: 3.5 },
    ],
    [
      "uniform",
      { kind: "uniform", min: -1, max: 3 },
      { mean: 1, deviation: 4 / Math.sqrt(12), max: 3 },
    ],
    [
      "He normal: √(2 / fan in)",
      { kind: "variance-scaling", scale: 2, mode: "fan-in", distribution: "truncated-normal" },
      { mean: 0, deviation: Math.sqrt(2 / 300), max: (2 * Math.sqrt(2 / 300)) / 0.8796 },
    ],
    [
      "variance scaling by the fan out, not truncated",
      { kind: "variance-scaling", scale: 1, mode: "fan-out", distribution: "normal" },
      { mean: 0, deviation: Math.sqrt(1 / 100), max: 0.5 },
    ],
    [
      "Glorot uniform: ±√(6 / (fan in + fan out))",
      { kind: "variance-scaling", scale: 1, mode: "fan-average", distribution: "uniform" },
      { mean: 0, deviation: Math.sqrt(2 / 400), max: Math.sqrt(6 / 400) },
    ],
  ])("%s", (_, initializer, expected) => {
    const { mean, deviation, max } = describeValues(drawKernel(initializer));
    expect(Math.abs(mean - expected.mean)).toBeLessThan(0.03 * expected.deviation + 1e-7);
    expect(Math.abs(deviation - expected.deviation)).toBeLessThan(0.02 * expected.deviation + 1e-7);
    expect(max).toBeLessThanOrEqual(expected.max * (1 + 1e-4));
  });
});
