// The scalars that an optimizer's step is fed. Pure.
import { wholePower } from "../whole-power.js";
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
