// How many of the current step's merged barrier values each worker has been sent. Used by coordinators and relays. Pure.
import type { WorkerLink } from "./tasks.js";

export class SentBarriers {
  private readonly counts = new Map<WorkerLink, number>();

  /** Sends the worker the merged values that it does not have yet. @param merged by barrier */
  sendMissing(worker: WorkerLink, step: number, merged: readonly Float32Array[]): void {
    const sentCount = this.counts.get(worker) ?? 0;
    merged.slice(sentCount).forEach((values, index) => {
      worker.sendMerged({ step, barrier: sentCount + index, values });
    });
    this.counts.set(worker, merged.length);
  }

  /** The worker has left, or will start the step again. */
  forget(worker: WorkerLink): void {
    this.counts.delete(worker);
  }

  clear(): void {
    this.counts.clear();
  }
}
