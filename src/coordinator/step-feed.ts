// Plans steps ahead, so that their samples are ready before they are needed: a source that reads files, decodes pictures or
// computes takes its time while workers compute. How far ahead is bounded by bytes. Samples in memory are gathered one step
// ahead, as more would only be kept for longer. Pure.
import type { StepPlan } from "./step-plan.js";

/** Of all steps that are planned together. */
const MAX_BYTES = 64 * 2 ** 20;
const MAX_STEPS = 16;

export interface StepFeedOptions {
  plan: (step: number) => Promise<StepPlan>;
  /** The first step that is not planned. */
  steps: number;
  /** Of a step's samples. */
  stepBytes: number;
  /** Whether a step's samples are there at once. */
  isInMemory: boolean;
}

export class StepFeed {
  private readonly options: StepFeedOptions;
  private readonly plansAhead: number;
  /** By step. */
  private readonly plans = new Map<number, Promise<StepPlan>>();

  constructor(options: StepFeedOptions) {
    this.options = options;
    const { stepBytes, isInMemory } = options;
    const fitting = Math.floor(MAX_BYTES / Math.max(1, stepBytes));
    this.plansAhead = isInMemory ? 1 : Math.min(Math.max(1, fitting), MAX_STEPS);
  }

  /** Steps whose plans are kept, ready or not. */
  get depth(): number {
    return this.plansAhead;
  }

  /** Begins the plans of `step` and of those after it, as far as there is room. */
  prepare(step: number): void {
    const last = Math.min(step + this.plansAhead, this.options.steps);
    for (let next = step; next < last; next++) {
      if (this.plans.has(next)) continue;
      const plan = this.options.plan(next);
      // It is awaited when the step is due; where the run ends before, its failure is not reported.
      plan.catch(() => undefined);
      this.plans.set(next, plan);
    }
  }

  /** @returns the plan of `step`, which is no longer kept; undefined behind the last step */
  async take(step: number): Promise<StepPlan | undefined> {
    if (step >= this.options.steps) return undefined;
    this.prepare(step);
    const plan = this.plans.get(step);
    this.plans.delete(step);
    return plan;
  }
}
