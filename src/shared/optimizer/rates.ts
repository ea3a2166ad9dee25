// The scalars that an optimizer's step is fed. Pure.
import type { OptimizerSpec } from "./optimizer.js";

/**
 * What the step multiplies with: the rate, and for Adam the rate with both corrections (Kingma and Ba, "Adam", 2015, the
 * form before section 2.1): rate · √(1 − β₂ᵗ)/(1 − β₁ᵗ).
 * @param rate of the schedule
 * @param t the number of this step, from 1
 */
export function stepRate(optimizer: OptimizerSpec, rate: number, t: number): number {
  if (optimizer.kind !== "adam") return rate;
  const correction1 = 1 - wholePower(optimizer.beta1, t);
  const correction2 = 1 - wholePower(optimizer.beta2, t);
  return (rate * Math.sqrt(correction2)) / correction1;
}

/** By what decayed weights are multiplied before the step. @param rate of the schedule, without Adam's corrections */
export function decayFactor(optimizer: OptimizerSpec, rate: number): number {
  return 1 - rate * optimizer.weightDecay;
}

/** base^exponent by squaring: Math.pow may differ between engines in the last bit, multiplication may not. */
function wholePower(base: number, exponent: number): number {
  let result = 1;
  for (let power = base, left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result *= power;
    power *= power;
  }
  return result;
}
