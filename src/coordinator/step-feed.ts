// Plans steps ahead, so that their samples are ready before they are needed: a source that reads files, decodes pictures or
// computes takes its time while workers compute. It looks further ahead only when a step had to wait, as samples that are kept for
// many steps cost V8 more to collect; and no further than a number of bytes allows.
import type { StepPlan } from "./step-plan.js";

/** Of all steps that are planned together. */
const MAX_BYTES = 64 * 2 ** 20;
const MAX_STEPS = 16;
/** What is read is often there, but noted only in the next turn of the event loop: that is no wait. */
const MIN_WAIT_MS = 2;

export interface StepFeedOptions {
  plan: (step: number) => Promise<StepPlan>;
  /** The first step that is not planned. */
  steps: number;
  /** Of a step's samples. */
  stepBytes: number;
  /** A monotonic clock, in milliseconds. */
  now?: () => number;
}

export class StepFeed {
  private readonly options: StepFeedOptions;
  private readonly maxAhead: number;
  /** By step. */
  private readonly plans = new Map<number, Promise<StepPlan>>();
  private readonly now: () => number;
  private ahead = 1;

  constructor(options: StepFeedOptions) {
    this.options = options;
    this.now = options.now ?? (() => performance.now());
    const fitting = Math.floor(MAX_BYTES / Math.max(1, options.stepBytes));
    this.maxAhead = Math.min(Math.max(1, fitting), MAX_STEPS);
  }

  /** Begins the plans of `step` and of those after it, as far as it looks ahead. */
  prepare(step: number): void {
    const end = Math.min(step + this.ahead, this.options.steps);
    for (let next = step; next < end; next++) {
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
    const prepared = this.plans.get(step);
    if (!prepared) return this.options.plan(step);
    this.plans.delete(step);
    const fromMs = this.now();
    const plan = await prepared;
    // It was begun in time: the source is slower than the steps, or not as even.
    if (this.now() - fromMs > MIN_WAIT_MS) this.ahead = Math.min(2 * this.ahead, this.maxAhead);
    return plan;
  }
}
