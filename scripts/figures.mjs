// How the scripts summarize their measurements.

/** If there are two values in the middle, the upper one. @param {readonly number[]} values */
export function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/** Median (min–max); "" if there are no values. @param {readonly number[]} values @param {number} [digits] */
export function spread(values, digits = 1) {
  if (values.length === 0) return "";
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)];
  return `${middle.toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`;
}
