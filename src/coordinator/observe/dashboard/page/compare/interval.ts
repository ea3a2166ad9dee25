// The uncertainty of numbers: the interval of an accuracy, and mean and spread over seeds. Pure.

/** Quantile of the standard normal distribution for 95 %. */
const Z = 1.959964;

export interface Interval {
  low: number;
  high: number;
}

/**
 * The 95 % score interval of a share (Wilson, "Probable inference", JASA 22, 1927). Unlike the share ± z·σ, it stays between 0
 * and 1 and is accurate near them, where accuracies are.
 * @param share between 0 and 1, of `count` independent samples
 */
export function wilsonInterval(share: number, count: number): Interval {
  const zz = Z * Z;
  const centre = (share + zz / (2 * count)) / (1 + zz / count);
  const variance = (share * (1 - share)) / count + zz / (4 * count * count);
  const half = (Z * Math.sqrt(variance)) / (1 + zz / count);
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

export interface Spread {
  mean: number;
  /** Sample standard deviation; undefined for a single value. */
  deviation: number | undefined;
  min: number;
  max: number;
  count: number;
}

/** @returns undefined if there are no values */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const count = values.length;
  if (count === 0) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = count === 1 ? undefined : Math.sqrt(squares / (count - 1));
  return { mean, deviation, min: Math.min(...values), max: Math.max(...values), count };
}
