// Gradients, moments and weights as plain arrays, as the parts of a run exchange them. Pure.
import type { Moments, PopulationStatistics } from "../statistics/moments.js";

/** The gradient of one parameter. */
export type Gradient =
  | { form: "dense"; values: Float32Array }
  /** The sum over the shards, in order, of inputsᵀ · outputs ("sufficient factors", Xie et al., 2016). */
  | { form: "factors"; shards: readonly Factors[] };

/** Of one shard: inputs [rows × in] and outputs [rows × out], row-major. */
export interface Factors {
  rows: number;
  inputs: Float32Array;
  outputs: Float32Array;
}

/** By parameter. */
export type Gradients = ReadonlyMap<string, Gradient>;

/** What one shard contributes to a step. */
export interface ShardResult {
  /** Sum of the samples' losses, divided by the global batch size. */
  loss: number;
  /** The gradients of `loss`, so that the step's gradient is the sum over the shards. */
  gradients: Gradients;
  /** By trainable batch-norm layer. */
  moments: ReadonlyMap<string, Moments>;
}

/** The result of inference on some samples. */
export interface EvaluationResult {
  /** Class numbers, or the outputs themselves, in the order of the samples. */
  predictions: Int32Array | Float32Array;
  /** Sum of the samples' losses. */
  lossSum: number;
}

/** Everything that a replica needs to compute the next step's state, bit for bit. */
export interface Update {
  gradients: Gradients;
  /** The new population statistics, by trainable batch-norm layer. */
  population: ReadonlyMap<string, PopulationStatistics>;
}

export interface NamedTensor {
  name: string;
  shape: readonly number[];
  values: Float32Array;
}
