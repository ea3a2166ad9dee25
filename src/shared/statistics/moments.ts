// Batch moments and their exact merge. Pure.
// The formulas are those of Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
// variances" (1979).
import { wholePower } from "../whole-power.js";
import { foldTree } from "./tree.js";

/** Moments of one batch-norm layer over some samples; one mean and one biased variance per channel. */
export interface Moments {
  /** The number of values per channel: samples, times pixels for images. */
  count: number;
  mean: Float32Array | Float64Array;
  variance: Float32Array | Float64Array;
}

/** What inference normalises with: moving averages, or moments of the whole training set; one value per channel. */
export interface PopulationStatistics {
  mean: Float32Array;
  variance: Float32Array;
}

/** Per channel: the sum of the values, and the sum of the squares of their differences from the mean. */
interface Sums {
  count: number;
  sum: Float64Array;
  squares: Float64Array;
}

/**
 * Moments of the pooled values: N = Σn, M = Σnμ/N, V = Σn(v + (μ−M)²)/N, combined pairwise in the fixed tree, in float64.
 * Only differences of means are squared, so that a large mean does not cause cancellation in the variance.
 * Parts with count 0 are ignored; if all are, count, mean and variance are 0.
 * @param parts in the order of the shards
 * @throws RangeError if the parts have different numbers of channels
 */
export function mergeMoments(parts: readonly Moments[]): Moments {
  const channels = parts[0]?.mean.length ?? 0;
  for (const { mean, variance } of parts) {
    if (mean.length !== channels || variance.length !== channels) {
      throw new RangeError(`moments of ${mean.length} channels, expected ${channels}`);
    }
  }
  const none: Sums = {
    count: 0,
    sum: new Float64Array(channels),
    squares: new Float64Array(channels),
  };
  const { count, sum, squares } =
    parts.length === 0 ? none : foldTree(parts.map(sumsOf), combineSums);
  const divide = (values: Float64Array) => (count === 0 ? values : values.map((v) => v / count));
  return { count, mean: divide(sum), variance: divide(squares) };
}

function sumsOf({ count, mean, variance }: Moments): Sums {
  const times = (values: Float32Array | Float64Array) =>
    Float64Array.from(values, (value) => count * value);
  return { count, sum: times(mean), squares: times(variance) };
}

/** The sum of squares over both is the two sums of squares plus d²·m·n/(m + n), where d is the difference of the means. */
function combineSums(left: Sums, right: Sums): Sums {
  if (left.count === 0) return right;
  if (right.count === 0) return left;
  const count = left.count + right.count;
  const weight = (left.count * right.count) / count;
  return {
    count,
    sum: left.sum.map((value, channel) => value + right.sum[channel]!),
    squares: left.squares.map((value, channel) => {
      const difference = left.sum[channel]! / left.count - right.sum[channel]! / right.count;
      return value + right.squares[channel]! + difference * difference * weight;
    }),
  };
}

/**
 * One step of the moving average: momentum · population + (1 − momentum) · batch, computed in float64 and rounded once.
 * @returns new arrays
 */
export function nextPopulation(
  { mean, variance }: PopulationStatistics,
  batch: Moments,
  momentum: number,
): PopulationStatistics {
  if (batch.count === 0) return { mean: mean.slice(), variance: variance.slice() };
  return {
    mean: moveTowards(mean, batch.mean, momentum),
    variance: moveTowards(variance, batch.variance, momentum),
  };
}

/**
 * The momentum with which a moving average has no bias towards its initial value. An average that starts at 0 and is divided
 * by 1 − mᵗ (Kingma and Ba, "Adam", 2015, section 3) moves by a fraction (1 − m)/(1 − mᵗ) at update t, so no further state is
 * needed. After the first update it equals the batch's value.
 * @param momentum m, from 0 to 1
 * @param t the number of this update, from 1
 */
export function correctedMomentum(momentum: number, t: number): number {
  // An average that never moves has no bias to correct.
  if (momentum === 1) return 1;
  const power = wholePower(momentum, t);
  return (momentum - power) / (1 - power);
}

function moveTowards(
  average: Float32Array,
  target: Float32Array | Float64Array,
  momentum: number,
): Float32Array {
  return average.map((value, channel) => momentum * value + (1 - momentum) * target[channel]!);
}
