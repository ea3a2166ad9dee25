// Prefetches the plans of coming steps, so that loading their samples (reading files, decoding images) overlaps with the
// workers' computation. The number of steps prefetched grows only when a step had to wait for its samples, because samples
// that stay in memory for many steps make V8's garbage collection slower; it is limited by bytes and by steps.
import type { StepPlan } from "./step-plan.js";

/** Limits of all prefetched steps together. */
const MAX_BYTES = 64 * 2 ** 20;
const MAX_STEPS = 16;
/** Shorter waits do not count: samples that are ready may be delivered one turn of the event loop later. */
const MIN_WAIT_MS = 2;

export interface StepFeedOptions {
  plan: (step: number) => Promise<StepPlan>;
  /** Number of steps in the run. */
  steps: number;
  /** Size of one step's samples. */
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

  /** Starts planning `step` and the steps prefetched after it. */
  prepare(step: number): void {
    const end = Math.min(step + this.ahead, this.options.steps);
    for (let next = step; next < end; next++) {
      if (this.plans.has(next)) continue;
      const plan = this.options.plan(next);
      // Awaited in `take`; if the run ends before, the failure must not be an unhandled rejection.
      plan.catch(() => undefined);
      this.plans.set(next, plan);
    }
  }

  /** @returns the plan of `step`, which is then forgotten; undefined after the last step */
  async take(step: number): Promise<StepPlan | undefined> {
    if (step >= this.options.steps) return undefined;
    const prepared = this.plans.get(step);
    if (!prepared) return this.options.plan(step);
    this.plans.delete(step);
    const fromMs = this.now();
    const plan = await prepared;
    // The source is slower than the steps, or its speed varies.
    if (this.now() - fromMs > MIN_WAIT_MS) this.ahead = Math.min(2 * this.ahead, this.maxAhead);
    return plan;
  }
}
