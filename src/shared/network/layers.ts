// Layers as functions, to describe networks in TypeScript: network([28, 28, 1], [conv(32, 5), relu(), …]) in compose.ts.
// Defaults are those of Keras, except for the padding, which is "same". Pure.
import { glorotUniform, ones, zeros } from "./initializers.js";
import type {
  BatchNormOptions,
  BranchesItem,
  ConvOptions,
  DepthwiseOptions,
  GlobalPoolOptions,
  LayerItem,
  NameOption,
  NetworkPart,
  PoolOptions,
  SidesOption,
  TrainableOption,
  WeightsOptions,
  WindowOptions,
} from "./layer-items.js";
import type { ActivationKind, LayerSpec, Sides } from "./spec.js";

export type * from "./layer-items.js";

const pair = (sides: SidesOption): Sides => (typeof sides === "number" ? [sides, sides] : sides);

function layerItem(
  label: string,
  { name, trainable = true }: NameOption & TrainableOption,
  ...parts: LayerItem["parts"]
): LayerItem {
  return { form: "layer", label, name, trainable, parts };
}

function resolveWeights(options: WeightsOptions) {
  return {
    useBias: options.useBias ?? true,
    kernelInitializer: options.kernelInitializer ?? glorotUniform(),
    biasInitializer: options.biasInitializer ?? zeros(),
  };
}

function resolveWindow({ strides = 1, padding = "same" }: WindowOptions) {
  return { strides: pair(strides), padding };
}

/** A convolution with `filters` output channels. */
export function conv(
  filters: number,
  kernelSize: SidesOption,
  options: ConvOptions = {},
): LayerItem {
  const layer: LayerSpec = {
    kind: "conv2d",
    filters,
    kernelSize: pair(kernelSize),
    ...resolveWindow(options),
    ...resolveWeights(options),
  };
  return layerItem("conv", options, ["", layer]);
}

/** A convolution of each channel on its own. */
export function depthwiseConv(
  kernelSize: SidesOption,
  options: ConvOptions & DepthwiseOptions = {},
): LayerItem {
  const layer: LayerSpec = {
    kind: "depthwise-conv2d",
    kernelSize: pair(kernelSize),
    ...resolveWindow(options),
    depthMultiplier: options.depthMultiplier ?? 1,
    ...resolveWeights(options),
  };
  return layerItem("depthwise", options, ["", layer]);
}

/** A depthwise convolution without bias (NAME/depthwise), and a 1×1 convolution (NAME). */
export function separableConv(
  filters: number,
  kernelSize: SidesOption,
  options: ConvOptions & DepthwiseOptions = {},
): LayerItem {
  const [, depthwise] = depthwiseConv(kernelSize, { ...options, useBias: false }).parts[0]!;
  const [, pointwise] = conv(filters, 1, { ...options, strides: 1, padding: "valid" }).parts[0]!;
  return layerItem("separable", options, ["/depthwise", depthwise], ["", pointwise]);
}

/** A dense layer on vectors. If its input is an image, put flatten() before it. */
export function dense(units: number, options: WeightsOptions = {}): LayerItem {
  return layerItem("dense", options, ["", { kind: "dense", units, ...resolveWeights(options) }]);
}

/** Batch normalisation over all axes but the last. */
export function batchNorm(options: BatchNormOptions = {}): LayerItem {
  const layer: LayerSpec = {
    kind: "batch-norm",
    epsilon: options.epsilon ?? 0.001,
    momentum: options.momentum ?? 0.99,
    scale: options.scale ?? true,
    center: options.center ?? true,
    scaleInitializer: options.scaleInitializer ?? ones(),
    betaInitializer: options.betaInitializer ?? zeros(),
  };
  return layerItem("bn", options, ["", layer]);
}

function activationItem(activation: ActivationKind, options: NameOption, alpha = 0): LayerItem {
  return layerItem(activation, options, ["", { kind: "activation", activation, alpha }]);
}

/** max(0, x) */
export const relu = (options: NameOption = {}) => activationItem("relu", options);
/** min(max(0, x), 6) */
export const relu6 = (options: NameOption = {}) => activationItem("relu6", options);
/** x, and slope · x below 0. */
export const leakyRelu = (slope = 0.3, options: NameOption = {}) =>
  activationItem("leaky-relu", options, slope);
/**
 * x, and alpha · (eˣ − 1) below 0.
 * @param alpha the negated limit for x → −∞
 */
export const elu = (alpha = 1, options: NameOption = {}) => activationItem("elu", options, alpha);
/** The exact Gelu, with the error function. */
export const gelu = (options: NameOption = {}) => activationItem("gelu", options);
/** Gelu's approximation by tanh. */
export const geluTanh = (options: NameOption = {}) => activationItem("gelu-tanh", options);
/** x · sigmoid(x), also called swish. */
export const silu = (options: NameOption = {}) => activationItem("silu", options);
/** 1/(1 + e⁻ˣ) */
export const sigmoid = (options: NameOption = {}) => activationItem("sigmoid", options);
/** The hyperbolic tangent. */
export const tanh = (options: NameOption = {}) => activationItem("tanh", options);

/** Only as the last layer. It may be omitted: the training is the same. */
export const softmax = (options: NameOption = {}) =>
  layerItem("softmax", options, ["", { kind: "softmax" }]);

function poolItem(
  kind: "max-pool" | "average-pool",
  poolSize: SidesOption,
  { strides = poolSize, padding, ...options }: PoolOptions,
): LayerItem {
  const window = resolveWindow(padding === undefined ? { strides } : { strides, padding });
  return layerItem("pool", options, ["", { kind, poolSize: pair(poolSize), ...window }]);
}

/** The largest value of each window. The default for strides is the pool size. */
export const maxPool = (poolSize: SidesOption, options: PoolOptions = {}) =>
  poolItem("max-pool", poolSize, options);
/** The mean of each window's values inside the image. */
export const averagePool = (poolSize: SidesOption, options: PoolOptions = {}) =>
  poolItem("average-pool", poolSize, options);

function globalPoolItem(
  kind: "global-average-pool" | "global-max-pool",
  options: GlobalPoolOptions,
): LayerItem {
  const keepDimensions = options.keepDimensions ?? false;
  return layerItem("pool", options, ["", { kind, keepDimensions }]);
}

/** The mean of each channel. */
export const globalAveragePool = (options: GlobalPoolOptions = {}) =>
  globalPoolItem("global-average-pool", options);
/** The largest value of each channel. */
export const globalMaxPool = (options: GlobalPoolOptions = {}) =>
  globalPoolItem("global-max-pool", options);

/** Turns an image into a vector. */
export const flatten = (options: NameOption = {}) =>
  layerItem("flatten", options, ["", { kind: "flatten" }]);

/**
 * The same values in another shape.
 * @param shape of one sample
 */
export const reshape = (shape: readonly number[], options: NameOption = {}) =>
  layerItem("reshape", options, ["", { kind: "reshape", shape }]);

/**
 * A border of zeros around an image.
 * @param border rows and columns: one number for all sides, or one per side
 */
export function zeroPadding(
  border: number | { top?: number; bottom?: number; left?: number; right?: number },
  options: NameOption = {},
): LayerItem {
  const { top, bottom, left, right } =
    typeof border === "number"
      ? { top: border, bottom: border, left: border, right: border }
      : { top: 0, bottom: 0, left: 0, right: 0, ...border };
  return layerItem("padding", options, ["", { kind: "zero-padding", top, bottom, left, right }]);
}

/**
 * In training, sets a random fraction of the values to 0 and scales the others by 1/(1 − rate).
 * @param rate the fraction of values that are set to 0
 */
export const dropout = (rate: number, options: NameOption = {}) =>
  layerItem("dropout", options, ["", { kind: "dropout", rate }]);

/** The sum of the branches' results, which must have the same shape. */
export const add = (branches: readonly NetworkPart[], { name }: NameOption = {}): BranchesItem => ({
  form: "branches",
  label: "add",
  name,
  merge: "add",
  branches,
});

/** Concatenates the branches' results along an axis of one sample, by default the last (the channels). */
export const concat = (
  branches: readonly NetworkPart[],
  { name, axis }: NameOption & { axis?: number } = {},
): BranchesItem => ({
  form: "branches",
  label: "concat",
  name,
  merge: "concatenate",
  axis,
  branches,
});

/** The sum of a chain and a shortcut around it. @param shortcut default: the input itself */
export const residual = (
  body: NetworkPart,
  shortcut: NetworkPart = [],
  options: NameOption = {},
): BranchesItem => add([body, shortcut], options);
