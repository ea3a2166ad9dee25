// What this device has done for the run, over all its Web Workers, including those that have ended. Pure.
import type {
  BrowserWorkerTotals,
  FromBrowserWorker,
} from "../../../../../shared/protocol/browser-messages.js";

/** Number of shards whose times are shown. */
export const RECENT_COUNT = 48;

export class DeviceTally {
  private readonly totals = new Map<number, BrowserWorkerTotals>();
  /** Times of the last shards in milliseconds, in the order of their answers. */
  private recent: number[] = [];

  get shards(): number {
    return this.sum("shards");
  }

  get bytesReceived(): number {
    return this.sum("bytesReceived");
  }

  get bytesSent(): number {
    return this.sum("bytesSent");
  }

  /** The newest step whose weights have arrived; −1 if none have. */
  get weightsStep(): number {
    return Math.max(-1, ...[...this.totals.values()].map(({ weightsStep }) => weightsStep));
  }

  get recentMs(): readonly number[] {
    return this.recent;
  }

  /** Over the last shards; undefined before the first. */
  get medianMs(): number | undefined {
    return median(this.recent);
  }

  /** @param worker a number that no other Web Worker of this page has or had */
  note(worker: number, message: FromBrowserWorker): void {
    if (message.type !== "task" && message.type !== "weights") return;
    this.totals.set(worker, message.totals);
    if (message.type !== "task" || message.kind !== "shard") return;
    this.recent.push(message.computeMs);
    if (this.recent.length > RECENT_COUNT) this.recent.shift();
  }

  private sum(key: keyof BrowserWorkerTotals): number {
    let sum = 0;
    for (const totals of this.totals.values()) sum += totals[key];
    return sum;
  }
}

function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1];
  const high = sorted[Math.floor(middle)];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

/**
 * The share of the run's shards that this device has computed since it joined, between 0 and 1; undefined before it could have
 * computed one.
 */
export function shareOfWork(counts: {
  shards: number;
  shardsPerStep: number;
  joinedStep: number;
  step: number;
}): number | undefined {
  const { shards, shardsPerStep, joinedStep, step } = counts;
  // The run's steps are reported twice per second, this device's shards immediately.
  const all = Math.max(shardsPerStep * Math.max(0, step - joinedStep), shards);
  return all === 0 ? undefined : shards / all;
}
