// Histograms with the buckets of TensorFlow's: on both sides of 0, their limits grow by a tenth each from 1e-12 to 1e20
// (tensorflow/core/framework/summary.proto, HistogramProto). Pure.

const SMALLEST_LIMIT = 1e-12;
const LARGEST_LIMIT = 1e20;
const GROWTH = 1.1;

/** Upper limits in rising order. A bucket contains values from the limit before its own up to but not including its own. */
const LIMITS = bucketLimits();

export interface Histogram {
  min: number;
  max: number;
  count: number;
  sum: number;
  sumOfSquares: number;
  /** In rising order. Adjacent empty buckets are merged. */
  buckets: { limit: number; count: number }[];
}

/** @returns undefined if no value is finite; infinities and NaN are not counted */
export function histogramOf(values: Float32Array): Histogram | undefined {
  const counts = new Float64Array(LIMITS.length);
  let [count, sum, sumOfSquares] = [0, 0, 0];
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    counts[bucketOf(value)]!++;
    count++;
    sum += value;
    sumOfSquares += value * value;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  if (count === 0) return undefined;
  return { min, max, count, sum, sumOfSquares, buckets: mergeEmpty(counts) };
}

function bucketLimits(): number[] {
  const positive: number[] = [];
  for (let limit = SMALLEST_LIMIT; limit < LARGEST_LIMIT; limit *= GROWTH) positive.push(limit);
  positive.push(Number.MAX_VALUE);
  return [...positive.map((limit) => -limit).reverse(), 0, ...positive];
}

/** The first bucket whose limit is above the value, by bisection. */
function bucketOf(value: number): number {
  let [low, high] = [0, LIMITS.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (LIMITS[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

function mergeEmpty(counts: Float64Array): Histogram["buckets"] {
  const buckets: Histogram["buckets"] = [];
  counts.forEach((count, index) => {
    const limit = LIMITS[index]!;
    const last = buckets.at(-1);
    if (count === 0 && last?.count === 0) last.limit = limit;
    else buckets.push({ limit, count });
  });
  return buckets;
}
