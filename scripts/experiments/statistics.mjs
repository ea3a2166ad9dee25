// Summarizes the seeds of a setting: mean, lowest and highest.

/** @typedef {import("./results.mjs").Row} Row */
/** @typedef {{mean: number, least: number, most: number, count: number, values: number[]}} Summary */

/** Accuracy of guessing among ten classes. A run that diverged counts as this. */
export const CHANCE = 0.1;

/** @param {readonly Row[]} rows @param {(row: Row) => string | number} key @returns {Map<string | number, Row[]>} */
export function groupBy(rows, key) {
  /** @type {Map<string | number, Row[]>} */
  const groups = new Map();
  for (const row of rows) {
    const name = key(row);
    const group = groups.get(name);
    if (group) group.push(row);
    else groups.set(name, [row]);
  }
  return groups;
}

/** @param {Row} row */
export const accuracyOf = ({ testAccuracy }) =>
  Number.isNaN(testAccuracy) ? CHANCE : testAccuracy;

/** @param {readonly number[]} values @returns {Summary} */
export function summarize(values) {
  const sum = values.reduce((total, value) => total + value, 0);
  return {
    mean: sum / values.length,
    least: Math.min(...values),
    most: Math.max(...values),
    count: values.length,
    values: [...values],
  };
}

/** In percent: mean (min–max). @param {Summary} summary */
export function percentText({ mean, least, most }) {
  const percent = (/** @type {number} */ share) => (100 * share).toFixed(2);
  return `${percent(mean)} (${percent(least)}–${percent(most)})`;
}
