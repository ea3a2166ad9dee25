// What travels between the parts of a run: gradients, moments and weights as plain arrays, without tfjs.
import type { Moments, PopulationStatistics } from "../statistics/moments.js";

/** The gradient of one parameter. */
export type Gradient =
  | { form: "dense"; values: Float32Array }
  /** The sum over the shards, in their order, of inputsᵀ · outputs. */
  | { form: "factors"; shards: readonly Factors[] };

/** Of one shard: inputs [rows × in] and outputs [rows × out], row by row. */
export interface Factors {
  rows: number;
  inputs: Float32Array;
  outputs: Float32Array;
}

/** What one shard contributes to a step. */
export interface ShardResult {
  /** Sum of the samples' cross-entropies, divided by the global batch size. */
  loss: number;
  /** By parameter: the gradient of `loss`, so that the shards' gradients only need adding up. */
  gradients: Map<string, Gradient>;
  /** By normalised layer. */
  moments: Map<string, Moments>;
}

/** What inference on some samples found. */
export interface EvaluationResult {
  /** The class taken for each sample. */
  predictions: Uint8Array;
  /** Sum of the samples' cross-entropies. */
  lossSum: number;
}

/** All that a replica needs to go from one step's state to the next, bit for bit. */
export interface Update {
  gradients: Map<string, Gradient>;
  /** The new population statistics, by normalised layer. */
  population: Map<string, PopulationStatistics>;
}

export interface NamedTensor {
  name: string;
  shape: number[];
  values: Float32Array;
}
