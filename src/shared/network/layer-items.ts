// What the functions of layers.ts take and give: the options of each layer, and the parts that compose.ts puts together. Pure.
import type { Initializer, LayerSpec, Padding, Sides } from "./spec.js";

/** One layer; a separable convolution is two in a row. */
export interface LayerItem {
  readonly form: "layer";
  /** What the name begins with where none is given: conv → conv1, conv2, … */
  readonly label: string;
  readonly name: string | undefined;
  readonly trainable: boolean;
  /** Suffixes of the name, and what is computed under it. */
  readonly parts: readonly (readonly [suffix: string, layer: LayerSpec])[];
}

/** Chains of layers with one input, whose results are joined. An empty chain is the input itself. */
export interface BranchesItem {
  readonly form: "branches";
  readonly label: string;
  readonly name: string | undefined;
  readonly merge: "add" | "concatenate";
  /** Of a concatenation, among the axes of one sample; undefined: the last one. */
  readonly axis?: number | undefined;
  readonly branches: readonly NetworkPart[];
}

/** A layer, branches, or a list of such in a row. */
export type NetworkPart = LayerItem | BranchesItem | readonly NetworkPart[];

/** A name for a layer. */
export interface NameOption {
  /** Unique in the network. Layers without one are numbered, or named after the convolution or dense layer before them. */
  name?: string;
}

/** Whether a layer is trained. */
export interface TrainableOption {
  /** False: its parameters stay as they are. */
  trainable?: boolean;
}

/** Options of layers with a kernel. */
export interface WeightsOptions extends NameOption, TrainableOption {
  /** Default: true. Of no use before batch normalisation, whose beta does the same. */
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

/** What `conv` and `separableConv` take. */
export type ConvOptions = WeightsOptions & WindowOptions;
/** What `maxPool` and `averagePool` take. */
export type PoolOptions = NameOption & WindowOptions;

/** Options of depthwise convolutions. */
export interface DepthwiseOptions {
  /** Output channels per input channel. Default: 1. */
  depthMultiplier?: number;
}

/** What `batchNorm` takes. */
export interface BatchNormOptions extends NameOption, TrainableOption {
  /** Default: 0.001. */
  epsilon?: number;
  /** Of the population statistics' moving average. Default: 0.99. */
  momentum?: number;
  /** Default: true. */
  scale?: boolean;
  /** Default: true. */
  center?: boolean;
  scaleInitializer?: Initializer;
  betaInitializer?: Initializer;
}

/** What the global pools take. */
export interface GlobalPoolOptions extends NameOption {
  /** [1, 1, C] in place of [C]. Default: false. */
  keepDimensions?: boolean;
}
