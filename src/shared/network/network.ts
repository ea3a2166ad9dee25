// A network with everything that is inferred from its description: the output shape of each layer, its parameters and its
// statistics. The protocol and the checkpoint derive all lengths from this, without an engine. Pure.
import type { Initializer, LayerNode, LayerSpec, NetworkSpec } from "./spec.js";

export type ParameterRole = "kernel" | "bias" | "scale" | "beta";

/** One tensor of weights. */
export interface ParameterSpec {
  /** LAYER/kernel, LAYER/bias, LAYER/scale or LAYER/beta */
  name: string;
  shape: readonly number[];
  role: ParameterRole;
  initializer: Initializer;
  /** For variance scaling; computed as in Keras. */
  fanIn: number;
  fanOut: number;
  /** False: no gradient, no slots, no update. */
  trainable: boolean;
  /** The kernel of a dense layer: its gradient over n samples is XᵀdY, where X and dY have n rows. */
  isDenseKernel: boolean;
}

/** The statistics of one batch-norm layer. */
export interface StatisticsSpec {
  /** The layer's name; tensors are NAME/pop_mean and NAME/pop_var. */
  name: string;
  channels: number;
  /** Values per channel and sample: 1 for features, the number of pixels for images. */
  valuesPerSample: number;
  momentum: number;
  epsilon: number;
  /** False: the layer normalises with its population statistics in training too, and they do not change. */
  trainable: boolean;
}

/** A layer with its input and output shapes, of one sample. */
export interface Layer extends LayerNode {
  inputShapes: readonly (readonly number[])[];
  shape: readonly number[];
}

export interface Network {
  spec: NetworkSpec;
  /** Of one sample. */
  inputShape: readonly number[];
  outputShape: readonly number[];
  layers: readonly Layer[];
  /** In the order of the layers; within a layer: kernel, bias, scale, beta. */
  parameters: readonly ParameterSpec[];
  statistics: readonly StatisticsSpec[];
}

export type { LayerNode, LayerSpec, NetworkSpec };

/** The statistics of trainable batch-norm layers: only these have batch moments, and change. */
export function trainedStatistics({ statistics }: Pick<Network, "statistics">): StatisticsSpec[] {
  return statistics.filter(({ trainable }) => trainable);
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
