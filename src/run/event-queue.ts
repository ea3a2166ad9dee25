// Queues events for a reader that consumes them one by one. If the reader falls behind or stops reading, events are dropped, step
// events first, so that memory does not grow.
import type { ReportedEvent } from "../shared/run-event.js";

/** Beyond this many queued step events, the oldest are dropped. */
const MAX_WAITING_STEPS = 1_000;
/** Beyond this many queued events, the oldest are dropped. A run of a day has a few thousand besides its steps. */
const MAX_WAITING = 20_000;

export class EventQueue implements AsyncIterableIterator<ReportedEvent> {
  private waiting: ReportedEvent[] = [];
  private waitingSteps = 0;
  private end: { failure?: unknown } | undefined;
  private isAbandoned = false;
  private readers: Reader[] = [];

  push(event: ReportedEvent): void {
    if (this.isAbandoned || this.end) return;
    const reader = this.readers.shift();
    if (reader) {
      reader.resolve({ value: event, done: false });
      return;
    }
    this.waiting.push(event);
    if (event.event === "step") this.waitingSteps++;
    this.dropOldest();
  }

  /** To be called after the last event. @param failure thrown to the reader after the last event */
  close(failure?: { reason: unknown }): void {
    if (this.end) return;
    this.end = failure ? { failure: failure.reason } : {};
    for (const reader of this.readers.splice(0)) this.finish(reader);
  }

  next(): Promise<IteratorResult<ReportedEvent, undefined>> {
    const event = this.waiting.shift();
    if (event) {
      if (event.event === "step") this.waitingSteps--;
      return Promise.resolve({ value: event, done: false });
    }
    return new Promise((resolve, reject) => {
      const reader = { resolve, reject };
      if (this.end || this.isAbandoned) this.finish(reader);
      else this.readers.push(reader);
    });
  }

  /** The reader left its loop: events are no longer queued. */
  return(): Promise<IteratorResult<ReportedEvent, undefined>> {
    this.isAbandoned = true;
    this.waiting = [];
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private finish({ resolve, reject }: Reader): void {
    // The failure is thrown once; after that, the iterator is done.
    if (this.end && "failure" in this.end && !this.isAbandoned) {
      const { failure } = this.end;
      this.end = {};
      reject(failure);
    } else {
      resolve({ value: undefined, done: true });
    }
  }

  private dropOldest(): void {
    if (this.waitingSteps > MAX_WAITING_STEPS) {
      this.waiting.splice(
        this.waiting.findIndex(({ event }) => event === "step"),
        1,
      );
      this.waitingSteps--;
    } else if (this.waiting.length > MAX_WAITING) {
      if (this.waiting.shift()?.event === "step") this.waitingSteps--;
    }
  }
}

interface Reader {
  resolve: (result: IteratorResult<ReportedEvent, undefined>) => void;
  reject: (reason: unknown) => void;
}
