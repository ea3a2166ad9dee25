// Integer powers, for the bias correction of moving averages. Pure.

/** base^exponent by squaring: Math.pow may differ between JavaScript engines in the last bit, multiplication may not. */
export function wholePower(base: number, exponent: number): number {
  let result = 1;
  for (let power = base, left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result *= power;
    power *= power;
  }
  return result;
}
