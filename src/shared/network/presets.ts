// The preset networks (--network NAME). They are initialized as in TensorFlow's "Deep MNIST for Experts": kernels truncated normal
// with σ 0.1, biases 0.1. Pure.
import {
  INPUT_NAME,
  type Initializer,
  type LayerNode,
  type LayerSpec,
  type NetworkSpec,
} from "./spec.js";

/** The names of the presets. */
export const PRESET_NAMES = ["cnn", "cnn-plain", "sigmoid", "sigmoid-plain"] as const;
/** The name of a preset. */
export type PresetName = (typeof PRESET_NAMES)[number];

const KERNEL: Initializer = { kind: "truncated-normal", mean: 0, standardDeviation: 0.1 };
const BIAS: Initializer = { kind: "constant", value: 0.1 };

type NamedLayer = readonly [name: string, layer: LayerSpec];

/**
 * The description of a preset for some data.
 * @param inputShape of one sample: [height, width, channels], or [features] for the sigmoid networks
 * @param classCount outputs, before softmax
 */
export function presetNetwork(
  name: PresetName,
  inputShape: readonly number[],
  classCount: number,
): NetworkSpec {
  const isNormalised = name === "cnn" || name === "sigmoid";
  const layers =
    name === "cnn" || name === "cnn-plain"
      ? cnnLayers(classCount, isNormalised)
      : sigmoidLayers(inputShape, classCount, isNormalised);
  return { inputShape, layers: chainLayers(layers) };
}

/** "Deep MNIST for Experts" without dropout; with batch normalisation or, in place of it, biases. */
function cnnLayers(classCount: number, isNormalised: boolean): NamedLayer[] {
  const convolution = (name: string, filters: number): NamedLayer[] => [
    [name, conv(filters, !isNormalised)],
    ...(isNormalised ? [batchNorm(name)] : []),
    // ReLU gives the same result after the pool as before it, and has a quarter of the values to compute.
    [`${name}/pool`, { kind: "max-pool", poolSize: [2, 2], strides: [2, 2], padding: "same" }],
    [`${name}/relu`, { kind: "activation", activation: "relu", alpha: 0 }],
  ];
  return [
    ...convolution("conv1", 32),
    ...convolution("conv2", 64),
    ["flatten", { kind: "flatten" }],
    ["fc1", dense(1024, !isNormalised)],
    ...(isNormalised ? [batchNorm("fc1")] : []),
    ["fc1/relu", { kind: "activation", activation: "relu", alpha: 0 }],
    ["fc2", dense(classCount, true)],
  ];
}

/** Ioffe and Szegedy, "Batch normalization", 2015, section 4.1, with two hidden layers. */
function sigmoidLayers(
  inputShape: readonly number[],
  classCount: number,
  isNormalised: boolean,
): NamedLayer[] {
  const hidden = (name: string): NamedLayer[] => [
    [name, dense(100, !isNormalised)],
    ...(isNormalised ? [batchNorm(name)] : []),
    [`${name}/sigmoid`, { kind: "activation", activation: "sigmoid", alpha: 0 }],
  ];
  return [
    ...(inputShape.length > 1 ? [["flatten", { kind: "flatten" }] as const] : []),
    ...hidden("fc1"),
    ...hidden("fc2"),
    ["fc3", dense(classCount, true)],
  ];
}

function conv(filters: number, useBias: boolean): LayerSpec {
  return {
    kind: "conv2d",
    filters,
    kernelSize: [5, 5],
    strides: [1, 1],
    padding: "same",
    useBias,
    kernelInitializer: KERNEL,
    biasInitializer: BIAS,
  };
}

function dense(units: number, useBias: boolean): LayerSpec {
  return {
    kind: "dense",
    units,
    useBias,
    kernelInitializer: KERNEL,
    biasInitializer: BIAS,
  };
}

function batchNorm(name: string): NamedLayer {
  return [
    `${name}/bn`,
    {
      kind: "batch-norm",
      epsilon: 1e-5,
      momentum: 0.99,
      scale: true,
      center: true,
      scaleInitializer: { kind: "constant", value: 1 },
      betaInitializer: { kind: "constant", value: 0 },
    },
  ];
}

/** Connects the layers in a chain. */
function chainLayers(layers: readonly NamedLayer[]): LayerNode[] {
  return layers.map(([name, layer], index) => ({
    name,
    inputs: [layers[index - 1]?.[0] ?? INPUT_NAME],
    trainable: true,
    layer,
  }));
}
