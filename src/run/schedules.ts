// The learning rate options: a schedule, its highest rate, and the fraction of the steps used to warm up.
import { TandemError } from "../shared/errors.js";
import type { ScheduleSpec } from "../shared/optimizer/optimizer.js";

export const SCHEDULE_NAMES = ["constant", "linear", "cosine", "one-cycle"] as const;
export type ScheduleName = (typeof SCHEDULE_NAMES)[number];

/** As PyTorch's OneCycleLR (`pct_start`). */
const ONE_CYCLE_WARMUP = 0.3;

/** A learning rate over the run: what `constant`, `linear`, `cosine` and `oneCycle` return. */
export interface ScheduleChoice {
  /** The highest rate. Default: 1e-4 */
  learningRate?: number;
  /** Default: constant */
  schedule?: ScheduleName;
  /** The fraction of the run's steps in which the rate rises. Default: 0.3 for one-cycle, else 0 */
  warmup?: number;
}

/** A rate, or a rate over the run. */
export type LearningRate = number | ScheduleChoice;

/** What schedules take besides the highest rate. */
export interface ScheduleOptions {
  /** The fraction of the run's steps in which the rate rises, from 0 to 1. */
  warmup?: number;
}

/** One rate for all steps, after the warm-up. */
export function constant(learningRate: number, options: ScheduleOptions = {}): ScheduleChoice {
  return { learningRate, schedule: "constant", ...options };
}

/** Falls to 0 in a straight line. */
export function linear(learningRate: number, options: ScheduleOptions = {}): ScheduleChoice {
  return { learningRate, schedule: "linear", ...options };
}

/** Falls to 0 as half a cosine. */
export function cosine(learningRate: number, options: ScheduleOptions = {}): ScheduleChoice {
  return { learningRate, schedule: "cosine", ...options };
}

/** Rises to the rate and falls to almost 0, both as half cosines (Smith and Topin, 2018). Warm-up 0.3 by default. */
export function oneCycle(learningRate: number, options: ScheduleOptions = {}): ScheduleChoice {
  return { learningRate, schedule: "one-cycle", ...options };
}

export function chooseSchedule(rate: LearningRate | undefined): ScheduleChoice {
  return typeof rate === "number" ? { learningRate: rate } : { ...rate };
}

/** @param steps of the whole run @throws TandemError `usage` */
export function resolveSchedule(choice: ScheduleChoice, steps: number): ScheduleSpec {
  const { schedule: kind = "constant", warmup = kind === "one-cycle" ? ONE_CYCLE_WARMUP : 0 } =
    choice;
  if (!(warmup >= 0 && warmup <= 1)) {
    throw new TandemError(
      "usage",
      `--warmup ${warmup} is not a fraction of the steps, from 0 to 1.`,
    );
  }
  const warmupSteps = Math.round(warmup * steps);
  return kind === "constant" ? { kind, warmupSteps } : { kind, steps, warmupSteps };
}
