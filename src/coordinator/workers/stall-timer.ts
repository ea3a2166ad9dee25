// Workers that are there and answer nothing are no better than none: the deadline for the next answer of any of them.
import { TandemError } from "../../shared/errors.js";

/** The largest shard of the slowest machine is answered sooner. */
const MIN_STALL_MS = 120_000;

export class StallTimer {
  private readonly stallMs: number;
  private timer: NodeJS.Timeout | undefined;

  /** @param waitMs how long the run waits for workers */
  constructor(waitMs: number) {
    this.stallMs = Math.max(waitMs, MIN_STALL_MS);
  }

  /** Something was answered, or is to be from now on. */
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
      `${workerCount} workers are connected, and none has answered for ${this.stallMs / 1000} s. Look at what they do, or wait longer with --worker-wait.`,
    );
  }
}
