// What watches a run must not be able to end it. An observer's work runs here: what it throws is reported once, and the
// observer is tried again after a while, or never again.

const MAX_RETRY_MS = 600_000;

export class Observer {
  readonly name: string;
  private readonly retryMs: number | undefined;
  private readonly report: (reason: unknown) => void;
  private failures = 0;
  private retryAtMs = -Infinity;
  private isReported = false;

  /**
   * @param retryMs after the first failure; doubled with each that follows at once. undefined: it is not tried again
   * @param report called with the first failure, and with no other
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

  /** True where work would be tried now. By the monotonic clock. */
  get isUsable(): boolean {
    return performance.now() >= this.retryAtMs;
  }

  /**
   * Runs the work where the observer is usable. Never throws.
   * @returns false where it was not tried, or threw
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

/** A failure between two events, as of a timer or a stream: thrown at the next occasion, where it is caught and reported. */
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
