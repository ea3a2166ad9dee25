// The steps that have used a worker's unconfirmed results. They become suspect if the worker turns out to compute wrong results.
// Pure.
import type { StepRange } from "../../shared/checkpoint/checkpoint.js";

/** @typeParam W what stands for a worker; compared by identity */
export class UnconfirmedSteps<W> {
  private readonly ranges = new Map<W, StepRange>();

  /** The step used a result of the worker that nobody else has computed. */
  note(worker: W, step: number): void {
    const range = this.ranges.get(worker);
    if (range) range.to = step;
    else this.ranges.set(worker, { from: step, to: step });
  }

  /** The worker's results before `step` were right. */
  confirm(worker: W, step: number): void {
    const range = this.ranges.get(worker);
    if (!range) return;
    if (range.to < step) this.ranges.delete(worker);
    else range.from = Math.max(range.from, step);
  }

  /** Undefined if there are none. */
  of(worker: W): StepRange | undefined {
    const range = this.ranges.get(worker);
    return range && { ...range };
  }

  forget(worker: W): void {
    this.ranges.delete(worker);
  }
}
