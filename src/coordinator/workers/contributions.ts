// Which steps have used a worker's results that nothing has confirmed: what is suspect where that worker is found to compute
// wrongly. Pure.
import type { StepRange } from "../../shared/checkpoint/checkpoint.js";

/** @typeParam W what stands for a worker; compared by identity */
export class Contributions<W> {
  private readonly ranges = new Map<W, StepRange>();

  /** A result of the worker was used in the step, and nobody else has computed it. */
  note(worker: W, step: number): void {
    const range = this.ranges.get(worker);
    if (range) range.to = step;
    else this.ranges.set(worker, { from: step, to: step });
  }

  /** What the worker computed before `step` was right. */
  confirm(worker: W, step: number): void {
    const range = this.ranges.get(worker);
    if (!range) return;
    if (range.to < step) this.ranges.delete(worker);
    else range.from = Math.max(range.from, step);
  }

  /** The steps that are suspect; undefined where there are none. */
  of(worker: W): StepRange | undefined {
    const range = this.ranges.get(worker);
    return range && { ...range };
  }

  forget(worker: W): void {
    this.ranges.delete(worker);
  }
}
