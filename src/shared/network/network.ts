// A network with everything that follows from its description: the shape behind each layer, the parameters that it trains,
// the statistics that it keeps. The protocol and the checkpoint know every length from here, without an engine. Pure.
import type { Initializer, LayerNode, LayerSpec, NetworkSpec } from "./spec.js";

export type ParameterRole = "kernel" | "bias" | "scale" | "beta";

/** One tensor of weights. */
export interface ParameterSpec {
  /** LAYER/kernel, LAYER/bias, LAYER/scale or LAYER/beta */
  name: string;
  shape: readonly number[];
  role: ParameterRole;
  initializer: Initializer;
  /** What variance scaling divides by, as Keras computes them. */
  fanIn: number;
  fanOut: number;
  /** False: no gradient, no slots, no update. */
  trainable: boolean;
  /** The kernel of a dense layer on rows: its gradient over n samples is XᵀdY, of an n-row X and an n-row dY. */
  isDenseKernel: boolean;
}

/** The statistics of one batch-norm layer. */
export interface StatisticsSpec {
  /** The layer's name; tensors are NAME/pop_mean and NAME/pop_var. */
  name: string;
  channels: number;
  /** Values that each channel has in one sample: 1 for features, the pixels for images. */
  valuesPerSample: number;
  momentum: number;
  epsilon: number;
  /** False: normalised with the population statistics, in training too, which stay as they are. */
  trainable: boolean;
}

/** A layer, and the shapes of one sample that go in and come out. */
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
  /** In the order of the layers; within a layer kernel, bias, scale, beta. */
  parameters: readonly ParameterSpec[];
  statistics: readonly StatisticsSpec[];
}

export type { LayerNode, LayerSpec, NetworkSpec };

/** Of the batch-norm layers that are trained: those that have moments, and whose statistics move. */
export function trainedStatistics({ statistics }: Pick<Network, "statistics">): StatisticsSpec[] {
  return statistics.filter(({ trainable }) => trainable);
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
