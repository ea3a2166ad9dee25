// Whether enough workers are connected: one number is required to start, another to continue. With fewer workers the run pauses,
// and a pause has a deadline.
import { TandemError } from "../../shared/errors.js";
import type { Events } from "../../shared/events.js";

export interface QuorumOptions {
  /** Workers required before the first task is assigned … */
  startWith: number;
  /** … and at any later time. */
  continueWith: number;
  /** How long a pause may last. */
  waitMs: number;
}

export class Quorum {
  private readonly events: Events;
  private readonly options: QuorumOptions;
  private requiredCount: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(events: Events, options: QuorumOptions) {
    this.events = events;
    this.options = options;
    this.requiredCount = options.startWith;
  }

  isMet(workerCount: number): boolean {
    return workerCount >= this.requiredCount;
  }

  get isPaused(): boolean {
    return this.timer !== undefined;
  }

  /** Enough workers are connected. */
  resume(): void {
    this.requiredCount = this.options.continueWith;
    this.endPause();
  }

  /** @param onExpired called with TandemError `workers-missing` if the pause lasts until its deadline */
  pause(workerCount: number, onExpired: (error: TandemError) => void): void {
    if (this.isPaused) return;
    const required = this.requiredCount;
    const seconds = this.options.waitMs / 1000;
    const missing = required - workerCount;
    const reason = `waiting for ${missing} more worker${missing === 1 ? "" : "s"} (${workerCount} of ${required})`;
    this.events.emit({ event: "waiting", reason, deadlineSeconds: seconds });
    this.timer = setTimeout(() => {
      onExpired(
        new TandemError(
          "workers-missing",
          `${workerCount} of the ${required} required workers were connected for ${seconds} s. Start workers with \`npx tandem worker URL\`, or wait longer with --worker-wait.`,
        ),
      );
    }, this.options.waitMs);
  }

  endPause(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
