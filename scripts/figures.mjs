// How the scripts sum up what they measured.

/** @param {readonly number[]} values the upper one of the two in the middle, where there are two */
export function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/** Median (min–max); nothing of nothing. @param {readonly number[]} values @param {number} [digits] */
export function spread(values, digits = 1) {
  if (values.length === 0) return "";
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)];
  return `${middle.toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`;
}
