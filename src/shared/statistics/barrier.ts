// Synchronised batch normalisation: within a step all shards wait where a layer normalises, until the sums of all of them are
// known. Such a place is a barrier; each layer has one in the forward pass and one in the backward pass. Pure.
import type { StatisticsSpec } from "../network/network.js";
import { mergeMoments } from "./moments.js";
import { foldTree } from "./tree.js";

export interface Barrier {
  layer: string;
  direction: "forward" | "backward";
  channels: number;
  /** As in `StatisticsSpec`. */
  valuesPerSample: number;
}

/** What a shard brings to a barrier. */
export interface Contribution {
  samples: number;
  /** [2, channels]. Forward: mean and biased variance of the shard's values. Backward: Σ dY and Σ dY·x̂ over them. */
  values: Float32Array;
}

/**
 * What all shards go on with: [2, channels]. Forward: mean and biased variance of the values of all shards. Backward: the means
 * of dY and of dY·x̂ over them. Combined in float64 in the fixed tree, and rounded once.
 * @param contributions in the order of the shards; at least one
 * @throws RangeError where one is of another length
 */
export function mergeContributions(
  { direction, channels, valuesPerSample }: Barrier,
  contributions: readonly Contribution[],
): Float32Array {
  for (const { values } of contributions) {
    if (values.length !== 2 * channels) {
      throw new RangeError(`a contribution of ${values.length} values to one of 2·${channels}`);
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
    return Float32Array.of(...mean, ...variance);
  }
  const count = contributions.reduce((total, each) => total + countOf(each), 0);
  const sums = foldTree(
    contributions.map(({ values }) => Float64Array.from(values)),
    (left, right) => left.map((value, index) => value + right[index]!),
  );
  return Float32Array.from(sums, (sum) => sum / count);
}

/** The barriers of a step in their order: forward from the first layer to the last, then backward from the last to the first. */
export function barriersOf(statistics: readonly StatisticsSpec[]): Barrier[] {
  const barriers = (direction: Barrier["direction"]) =>
    statistics
      .filter(({ trainable }) => trainable)
      .map(({ name, channels, valuesPerSample }): Barrier => {
        return { layer: name, direction, channels, valuesPerSample };
      });
  return [...barriers("forward"), ...barriers("backward").toReversed()];
}
