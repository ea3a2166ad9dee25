// Keeps a failing observer (a log, a page, a TensorBoard file) from ending the run: its first error is reported, and it is
// retried after a delay, or disabled.

const MAX_RETRY_MS = 600_000;

export class Observer {
  readonly name: string;
  private readonly retryMs: number | undefined;
  private readonly report: (reason: unknown) => void;
  private failures = 0;
  private retryAtMs = -Infinity;
  private isReported = false;

  /**
   * @param retryMs delay after the first failure, doubled with each consecutive one; undefined: it is not retried
   * @param report called with the first failure only
   */
  constructor(
    name: string,
    retryMs: number | undefined,
    report: (reason: unknown) => void = () => undefined,
  ) {
    this.name = name;
    this.retryMs = retryMs;
    this.report = report;
  }

  /** False while it waits for a retry. */
  get isUsable(): boolean {
    return performance.now() >= this.retryAtMs;
  }

  /**
   * Runs the work, unless the observer waits for a retry. Never throws.
   * @returns false if the work was not run, or threw
   */
  run(work: () => Promise<void> | void): boolean {
    if (!this.isUsable) return false;
    try {
      const pending = work();
      if (pending) pending.catch((error: unknown) => this.fail(error));
      else this.failures = 0;
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  fail(reason: unknown): void {
    const delayMs =
      this.retryMs === undefined
        ? Infinity
        : Math.min(this.retryMs * 2 ** this.failures, MAX_RETRY_MS);
    this.failures++;
    this.retryAtMs = performance.now() + delayMs;
    if (this.isReported) return;
    this.isReported = true;
    this.report(reason);
  }
}

/** A failure outside of an event handler, such as in a timer or a stream. The next handler throws it, so that it is reported. */
export class LateFailure {
  private reason: Error | undefined;

  readonly note = (reason: unknown): void => {
    this.reason ??= reason instanceof Error ? reason : new Error(String(reason));
  };

  throwIfAny(): void {
    const { reason } = this;
    this.reason = undefined;
    if (reason) throw reason;
  }
}
