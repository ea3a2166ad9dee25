// The scalars that an optimizer's step is fed. Pure.
import { wholePower } from "../whole-power.js";
import type { OptimizerSpec } from "./optimizer.js";

/**
 * The rate that the step is fed; for Adam with both bias corrections, rate · √(1 − β₂ᵗ)/(1 − β₁ᵗ) (Kingma and Ba, "Adam", 2015,
 * end of section 2).
 * @param rate of the schedule
 * @param t the number of this step, from 1
 */
export function stepRate(optimizer: OptimizerSpec, rate: number, t: number): number {
  if (optimizer.kind !== "adam") return rate;
  const correction1 = 1 - wholePower(optimizer.beta1, t);
  const correction2 = 1 - wholePower(optimizer.beta2, t);
  return (rate * Math.sqrt(correction2)) / correction1;
}

/** The factor that decayed weights are multiplied by before the step. @param rate of the schedule, without Adam's corrections */
export function decayFactor(optimizer: OptimizerSpec, rate: number): number {
  return 1 - rate * optimizer.weightDecay;
}
