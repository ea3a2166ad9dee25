// The learning rate over a run, in float64 with + − × ÷ only: Math.cos may differ between JavaScript engines in the last bit,
// and the rate affects the bits of the weights. Pure.
import type { ScheduleSpec } from "./optimizer.js";

/** PyTorch's OneCycleLR (`div_factor`, `final_div_factor`): from rate/25 up to the rate and down to rate/25/10⁴. */
const FIRST_DIVISOR = 25;
const LAST_DIVISOR = 1e4;

/**
 * The warm-up is linear, and its last step has the full rate. Then `linear` and `cosine` decay; they would reach 0 in the step
 * after the last.
 * @param learningRate the largest rate
 * @param step from 0
 */
export function rateAt(schedule: ScheduleSpec, learningRate: number, step: number): number {
  const { kind, warmupSteps } = schedule;
  if (kind === "one-cycle") return oneCycleRate(schedule, learningRate, step);
  if (step < warmupSteps) return (learningRate * (step + 1)) / warmupSteps;
  if (kind === "constant") return learningRate;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, schedule.steps - warmupSteps));
  switch (kind) {
    case "linear":
      return learningRate * (1 - progress);
    case "cosine":
      return cosineBetween(learningRate, 0, progress);
  }
}

/** Smith and Topin, "Super-convergence", 2018, with cosines as in PyTorch's OneCycleLR of two phases. */
function oneCycleRate(
  { steps, warmupSteps }: Extract<ScheduleSpec, { steps: number }>,
  highest: number,
  step: number,
): number {
  const first = highest / FIRST_DIVISOR;
  const peak = warmupSteps - 1;
  if (step < peak) return cosineBetween(first, highest, step / peak);
  const progress = Math.min(1, (step - peak) / Math.max(1, steps - 1 - peak));
  return cosineBetween(highest, first / LAST_DIVISOR, progress);
}

/** Half a cosine from one rate to another. @param progress from 0 to 1 */
function cosineBetween(from: number, to: number, progress: number): number {
  return to + ((from - to) / 2) * (1 + cosineOfTurn(progress));
}

/** cos(πx) for x from 0 to 1. */
export function cosineOfTurn(x: number): number {
  if (x > 0.5) return -cosineOfTurn(1 - x);
  return x > 0.25 ? sineSeries(Math.PI * (0.5 - x)) : cosineSeries(Math.PI * x);
}

/** The largest power in the series: at π/4 the next term is below 10⁻¹⁸. */
const LARGEST_POWER = 17;

/** x − x³/3! + x⁵/5! − …, from the smallest term to the largest, for x from 0 to π/4. */
function sineSeries(x: number): number {
  let sum = 1;
  for (let power = LARGEST_POWER; power > 1; power -= 2) {
    sum = 1 - (sum * x * x) / (power * (power - 1));
  }
  return x * sum;
}

/** 1 − x²/2! + x⁴/4! − … */
function cosineSeries(x: number): number {
  let sum = 1;
  for (let power = LARGEST_POWER - 1; power > 0; power -= 2) {
    sum = 1 - (sum * x * x) / (power * (power - 1));
  }
  return sum;
}
