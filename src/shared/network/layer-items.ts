// The arguments and results of the functions in layers.ts: options of layers, and the parts that compose.ts connects. Pure.
import type { Initializer, LayerSpec, Padding, Sides } from "./spec.js";

/** One layer; a separable convolution is a chain of two. */
export interface LayerItem {
  readonly form: "layer";
  /** The prefix of generated names: conv → conv1, conv2, … */
  readonly label: string;
  readonly name: string | undefined;
  readonly trainable: boolean;
  /** The layers, and the suffix of each one's name. */
  readonly parts: readonly (readonly [suffix: string, layer: LayerSpec])[];
}

/** Chains of layers with a common input, whose results are merged. An empty chain is the input itself. */
export interface BranchesItem {
  readonly form: "branches";
  readonly label: string;
  readonly name: string | undefined;
  readonly merge: "add" | "concatenate";
  /** For a concatenation: an axis of one sample; undefined: the last one. */
  readonly axis?: number | undefined;
  readonly branches: readonly NetworkPart[];
}

/** A layer, branches, or a chain of these. */
export type NetworkPart = LayerItem | BranchesItem | readonly NetworkPart[];

/** A name for a layer. */
export interface NameOption {
  /** Unique in the network. Layers without one are numbered, or named after the convolution or dense layer before them. */
  name?: string;
}

/** Whether a layer is trained. */
export interface TrainableOption {
  /** False: its parameters do not change. */
  trainable?: boolean;
}

/** Options of layers with a kernel. */
export interface WeightsOptions extends NameOption, TrainableOption {
  /** Default: true. Not needed before batch normalisation, whose beta does the same. */
  useBias?: boolean;
  /** Default: `glorotUniform()`. */
  kernelInitializer?: Initializer;
  /** Default: `zeros()`. */
  biasInitializer?: Initializer;
}

/** One number for both sides, or [height, width]. */
export type SidesOption = number | Sides;

/** Options of layers with a window. */
export interface WindowOptions {
  /** Default: 1 for convolutions, the window's own size for pools. */
  strides?: SidesOption;
  /** Default: "same". */
  padding?: Padding;
}

/** Options of `conv` and `separableConv`. */
export type ConvOptions = WeightsOptions & WindowOptions;
/** Options of `maxPool` and `averagePool`. */
export type PoolOptions = NameOption & WindowOptions;

/** Options of depthwise convolutions. */
export interface DepthwiseOptions {
  /** Output channels per input channel. Default: 1. */
  depthMultiplier?: number;
}

/** Options of `batchNorm`. */
export interface BatchNormOptions extends NameOption, TrainableOption {
  /** Default: 0.001. */
  epsilon?: number;
  /** Momentum of the population statistics' moving average. Default: 0.99. */
  momentum?: number;
  /** Default: true. */
  scale?: boolean;
  /** Default: true. */
  center?: boolean;
  scaleInitializer?: Initializer;
  betaInitializer?: Initializer;
}

/** Options of the global pools. */
export interface GlobalPoolOptions extends NameOption {
  /** The result is [1, 1, C] instead of [C]. Default: false. */
  keepDimensions?: boolean;
}
