// Small networks for tests of graphs.
import { buildNetwork } from "../../src/shared/network/build.js";
import type { Network } from "../../src/shared/network/network.js";
import type { Initializer, LayerNode, LayerSpec } from "../../src/shared/network/spec.js";
import type { OptimizerSpec } from "../../src/shared/optimizer/optimizer.js";

export const CROSS_ENTROPY = { kind: "softmax-cross-entropy", labelSmoothing: 0 } as const;

export const ADAM = {
  kind: "adam",
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
} as const satisfies OptimizerSpec;

const zeros: Initializer = { kind: "constant", value: 0 };
const weights = { useBias: true, kernelInitializer: zeros, biasInitializer: zeros };

export function dense(units: number): LayerSpec {
  return { kind: "dense", units, ...weights };
}

export function conv2d(filters: number, options: { strides?: [number, number] } = {}): LayerSpec {
  const window = { kernelSize: [3, 3], strides: options.strides ?? [1, 1] } as const;
  return { kind: "conv2d", filters, padding: "same", ...window, ...weights };
}

export function depthwiseConv2d(depthMultiplier: number): LayerSpec {
  const window = { kernelSize: [3, 3], strides: [1, 1] } as const;
  return { kind: "depthwise-conv2d", depthMultiplier, padding: "same", ...window, ...weights };
}

export function batchNorm({ scale = true, center = true } = {}): LayerSpec {
  const initializers = { scaleInitializer: zeros, betaInitializer: zeros };
  return { kind: "batch-norm", epsilon: 1e-3, momentum: 0.9, scale, center, ...initializers };
}

export const relu: LayerSpec = { kind: "activation", activation: "relu", alpha: 0 };

type NamedLayer = readonly [name: string, layer: LayerSpec, inputs?: readonly string[]];

/** A network of every kind of layer, with branches, on images 6×6 of two channels. */
export const EVERY_LAYER: readonly NamedLayer[] = [
  ["conv", conv2d(4)],
  ["bn", batchNorm({ scale: false })],
  ["depthwise", depthwiseConv2d(2)],
  ["pad", { kind: "zero-padding", top: 1, bottom: 0, left: 0, right: 1 }],
  ["max", { kind: "max-pool", poolSize: [2, 2], strides: [2, 2], padding: "valid" }],
  ["relu", relu],
  ["dropout", { kind: "dropout", rate: 0.25 }],
  ["branch", conv2d(8)],
  ["sum", { kind: "add" }, ["branch", "dropout", "dropout"]],
  ["mean", { kind: "average-pool", poolSize: [3, 3], strides: [1, 1], padding: "same" }],
  ["joined", { kind: "concatenate", axis: 2 }, ["mean", "sum"]],
  ["global", { kind: "global-average-pool", keepDimensions: true }],
  ["peak", { kind: "global-max-pool", keepDimensions: false }, ["joined"]],
  ["flat", { kind: "flatten" }, ["global"]],
  ["all", { kind: "concatenate", axis: 0 }, ["flat", "peak"]],
  ["square", { kind: "reshape", shape: [4, 4, 2] }],
  ["rows", { kind: "flatten" }],
  ["fc", dense(3)],
  ["softmax", { kind: "softmax" }],
];

/** @param layers each after the one before it, unless it names its inputs */
export function networkOf(
  inputShape: readonly number[],
  layers: readonly NamedLayer[],
  frozen: readonly string[] = [],
): Network {
  const nodes = layers.map(([name, layer, inputs], index): LayerNode => {
    const before = index === 0 ? "input" : layers[index - 1]![0];
    return { name, layer, inputs: inputs ?? [before], trainable: !frozen.includes(name) };
  });
  return buildNetwork({ inputShape, layers: nodes });
}
