// What the parts of a run exchange: gradients, moments and weights as plain arrays. Pure.
import type { Moments, PopulationStatistics } from "../statistics/moments.js";

/** The gradient of one parameter. */
export type Gradient =
  | { form: "dense"; values: Float32Array }
  /** The sum over the shards, in their order, of inputsᵀ · outputs ("sufficient factors", Xie et al., 2016). */
  | { form: "factors"; shards: readonly Factors[] };

/** Of one shard: inputs [rows × in] and outputs [rows × out], row by row. */
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
  /** The gradients of `loss`, so that the shards' gradients only need adding up. */
  gradients: Gradients;
  /** By batch-norm layer that is trained. */
  moments: ReadonlyMap<string, Moments>;
}

/** What inference on some samples found. */
export interface EvaluationResult {
  /** Class numbers, or the outputs themselves, sample by sample. */
  predictions: Int32Array | Float32Array;
  /** Sum of the samples' losses. */
  lossSum: number;
}

/** All that a replica needs to go from one step's state to the next, bit for bit. */
export interface Update {
  gradients: Gradients;
  /** The new population statistics, by batch-norm layer that is trained. */
  population: ReadonlyMap<string, PopulationStatistics>;
}

export interface NamedTensor {
  name: string;
  shape: readonly number[];
  values: Float32Array;
}
