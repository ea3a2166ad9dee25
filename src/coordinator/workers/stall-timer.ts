// The deadline for the next answer from any of the connected workers.
import { TandemError } from "../../shared/errors.js";

/** Longer than the slowest machine takes for the largest shard. */
const MIN_STALL_MS = 120_000;

export class StallTimer {
  private readonly stallMs: number;
  private timer: NodeJS.Timeout | undefined;

  /** @param waitMs how long the run waits for workers */
  constructor(waitMs: number) {
    this.stallMs = Math.max(waitMs, MIN_STALL_MS);
  }

  /** To be called when tasks are assigned, and at every answer. */
  restart(onStalled: () => void): void {
    this.stop();
    this.timer = setTimeout(onStalled, this.stallMs);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  error(workerCount: number): TandemError {
    return new TandemError(
      "workers-missing",
      `${workerCount} workers are connected, and none has answered for ${this.stallMs / 1000} s. Check the workers, or wait longer with --worker-wait.`,
    );
  }
}
