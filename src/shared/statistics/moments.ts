// Batch moments and their exact merge. Pure: no tfjs, no sockets.
// The pooled formulas are those of Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing
// sample variances" (1979), for any number of parts at once.

/** Moments of one batch-normalised layer over some samples; one mean and one biased variance a channel. */
export interface Moments {
  /** How many values each channel's moments were taken over: samples, times pixels for a convolution. */
  count: number;
  mean: Float32Array | Float64Array;
  variance: Float32Array | Float64Array;
}

/** What inference normalises with: exponential moving averages, one value a channel. */
export interface PopulationStatistics {
  mean: Float32Array;
  variance: Float32Array;
}

export const POPULATION_DECAY = 0.99;

/**
 * Moments of the pooled values: N = Σn, M = Σnμ/N, V = Σn(v + (μ−M)²)/N, summed in the order given, in float64.
 * The squares are taken of differences of means, so a large mean does not cancel the variance away.
 * Parts of 0 values change nothing; without any values count is 0 and mean and variance are 0.
 * @throws RangeError where the parts have different numbers of channels
 */
export function mergedMoments(parts: readonly Moments[]): Moments {
  const channels = parts[0]?.mean.length ?? 0;
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  let count = 0;
  for (const part of parts) {
    if (part.mean.length !== channels || part.variance.length !== channels) {
      throw new RangeError(`moments of ${part.mean.length} channels among some of ${channels}`);
    }
    count += part.count;
  }
  if (count === 0) return { count, mean, variance };
  const filled = parts.filter((part) => part.count > 0);
  for (let channel = 0; channel < channels; channel++) {
    let sum = 0;
    for (const part of filled) sum += part.count * part.mean[channel]!;
    const pooledMean = sum / count;
    let squares = 0;
    for (const part of filled) {
      const difference = part.mean[channel]! - pooledMean;
      squares += part.count * (part.variance[channel]! + difference * difference);
    }
    mean[channel] = pooledMean;
    variance[channel] = squares / count;
  }
  return { count, mean, variance };
}

/** One step of the moving average, in place: pop ← 0.99·pop + 0.01·merged, computed in float64 and rounded once. */
export function updatePopulation(population: PopulationStatistics, merged: Moments): void {
  if (merged.count === 0) return;
  moveTowards(population.mean, merged.mean);
  moveTowards(population.variance, merged.variance);
}

function moveTowards(average: Float32Array, target: Float32Array | Float64Array): void {
  for (let channel = 0; channel < average.length; channel++) {
    average[channel] =
      POPULATION_DECAY * average[channel]! + (1 - POPULATION_DECAY) * target[channel]!;
  }
}
