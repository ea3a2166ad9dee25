// Computes goodput from the times of steps: the time that the steps would have taken without disturbance, as a fraction of the time
// that they took. Pure.
import { median } from "../figures.mjs";

/** A period with or without churn, in ms. @typedef {{from: number, to: number}} Stretch */
/** From a worker's death until its replacement has joined, in ms. @typedef {{from: number, to: number}} Disturbance */

/** Number and total time of the complete steps in a period. @param {readonly number[]} ends when steps ended, in order @param {Stretch} stretch */
function stepsIn(ends, { from, to }) {
  const own = ends.filter((end) => end >= from && end <= to);
  return { count: own.length - 1, ms: (own.at(-1) ?? NaN) - (own[0] ?? NaN) };
}

/**
 * @param {readonly number[]} ends when steps ended, in order; in ms
 * @param {readonly Stretch[]} calm one before each of `churn`, and one after the last
 * @param {readonly Stretch[]} churn
 */
export function goodputOf(ends, calm, churn) {
  const undisturbed = calm.map((stretch) => stepsIn(ends, stretch));
  const disturbed = churn.map((stretch) => stepsIn(ends, stretch));
  const stepMs = undisturbed.map(({ count, ms }) => ms / count);
  const between = (/** @type {number} */ a, /** @type {number} */ b) =>
    ((stepMs[a] ?? NaN) + (stepMs[b] ?? NaN)) / 2;
  // Compared with the adjacent calm periods, as a machine's speed varies over time.
  const useful = disturbed.map(({ count }, index) => count * between(index, index + 1));
  const total = (/** @type {number[]} */ values) => values.reduce((sum, value) => sum + value, 0);
  return {
    goodput: total(useful) / total(disturbed.map(({ ms }) => ms)),
    /** Goodput of each period. */
    each: disturbed.map(({ ms }, index) => (useful[index] ?? NaN) / ms),
    /** The same figure for calm periods, which shows its measurement error. */
    noise: stepMs.slice(1, -1).map((ms, index) => between(index, index + 2) / ms),
    steps: total(disturbed.map(({ count }) => count)),
    seconds: total(disturbed.map(({ ms }) => ms)) / 1000,
    calmStepMs:
      total(undisturbed.map(({ ms }) => ms)) / total(undisturbed.map(({ count }) => count)),
  };
}

/**
 * For each disturbance, the time lost in its steps and the step after them, compared with the median of calm steps; in ms.
 * @param {readonly number[]} ends @param {readonly Stretch[]} calm @param {readonly Disturbance[]} disturbances
 */
export function lostMs(ends, calm, disturbances) {
  const isCalm = (/** @type {number} */ time) =>
    calm.some(({ from, to }) => time >= from && time <= to);
  const steps = ends.slice(1).map((end, index) => ({ start: ends[index] ?? NaN, end }));
  const usualMs = median(
    steps
      .filter(({ start, end }) => isCalm(start) && isCalm(end))
      .map(({ start, end }) => end - start),
  );
  return disturbances.map(({ from, to }) => {
    const last = steps.findIndex(({ end }) => end > to) + 1;
    return steps
      .slice(0, last + 1)
      .filter(({ end }) => end > from)
      .reduce((lost, { start, end }) => lost + end - start - usualMs, 0);
  });
}
