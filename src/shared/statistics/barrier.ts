// Synchronised batch normalisation: at each batch-norm layer the shards of a step wait until the sums of all of them are known.
// This is a barrier. Each layer has one in the forward pass, and one in the backward pass if the gradient of its input is
// needed. Pure.
import { findNeededGradients } from "../network/needed-gradients.js";
import { type Network, trainedStatistics } from "../network/network.js";
import { mergeMoments } from "./moments.js";
import { foldTree } from "./tree.js";

/**
 * What a batch-norm layer normalises with in training. `ghost`: each shard with its own moments (Hoffer et al., 2017). `sync`:
 * all shards with those of the global batch (Peng et al., "MegDet", 2018).
 */
export const BATCH_NORMS = ["ghost", "sync"] as const;
export type BatchNormKind = (typeof BATCH_NORMS)[number];

export interface Barrier {
  layer: string;
  direction: "forward" | "backward";
  channels: number;
  /** As in `StatisticsSpec`. */
  valuesPerSample: number;
}

/** What a shard contributes to a barrier. */
export interface Contribution {
  samples: number;
  /** [2, channels]. Forward: mean and biased variance of the shard's values. Backward: Σ dY and Σ dY·x̂ over them. */
  values: Float32Array;
}

/**
 * The merged values with which all shards continue: [2, channels]. Forward: mean and biased variance of the values of all
 * shards. Backward: the means of dY and of dY·x̂ over them. Combined in float64 in the fixed tree, and rounded once.
 * @param contributions in the order of the shards; at least one
 * @throws RangeError if one has the wrong length
 */
export function mergeContributions(
  { direction, channels, valuesPerSample }: Barrier,
  contributions: readonly Contribution[],
): Float32Array {
  for (const { values } of contributions) {
    if (values.length !== 2 * channels) {
      throw new RangeError(`a contribution of ${values.length} values, expected 2·${channels}`);
    }
  }
  const countOf = ({ samples }: Contribution) => samples * valuesPerSample;
  if (direction === "forward") {
    const { mean, variance } = mergeMoments(
      contributions.map((each) => ({
        count: countOf(each),
        mean: each.values.subarray(0, channels),
        variance: each.values.subarray(channels),
      })),
    );
    const merged = new Float32Array(2 * channels);
    merged.set(mean);
    merged.set(variance, channels);
    return merged;
  }
  const count = contributions.reduce((total, each) => total + countOf(each), 0);
  const sums = foldTree(
    contributions.map(({ values }) => Float64Array.from(values)),
    (left, right) => left.map((value, index) => value + right[index]!),
  );
  return Float32Array.from(sums, (sum) => sum / count);
}

/**
 * The barriers of a step, in order: forward in the order of the layers, then backward in reverse. A layer has none in the
 * backward pass if the gradient of its input is not needed.
 */
export function barriersOf(network: Network): Barrier[] {
  const needed = findNeededGradients(network);
  const passGradients = new Set(
    network.layers.filter(({ inputs }) => needed.has(inputs[0]!)).map(({ name }) => name),
  );
  const forward = trainedStatistics(network).map(({ name, channels, valuesPerSample }) => {
    return { layer: name, direction: "forward", channels, valuesPerSample } as const;
  });
  const backward = forward
    .filter(({ layer }) => passGradients.has(layer))
    .map((barrier) => ({ ...barrier, direction: "backward" }) as const);
  return [...forward, ...backward.toReversed()];
}
