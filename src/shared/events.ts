// Hands a run's events to their readers: the terminal, the JSON lines, TensorBoard and the page all read this one source.
import { messageOf } from "./errors.js";
import { Observer } from "./observer.js";
import type { RunEvent } from "./run-event.js";

/** A reader of events. If it throws or rejects, that is reported once and does not affect the run. */
export interface EventSink {
  /** Its name in the report of its failure. */
  readonly name?: string;
  /** How long after a failure it is tried again. undefined: never. */
  readonly retryMs?: number;
  handle(event: RunEvent): Promise<void> | void;
  /** Writes out what it has buffered. No event is handled afterwards. */
  close?(): Promise<void> | void;
}

interface Entry {
  observer: Observer;
  /** undefined: not made yet, see `create`. */
  sink: EventSink | undefined;
  create: (() => EventSink) | undefined;
}

/** A sink that takes longer to close is abandoned. */
const CLOSE_MS = 3_000;

/** Hands each event to every sink, in order. No sink can end the run, keep events from another sink, or keep the process alive. */
export class Events {
  private readonly entries: Entry[] = [];
  private readonly queue: RunEvent[] = [];
  private isEmitting = false;
  private isClosed = false;

  /** @returns a function that removes the sink without closing it */
  add(sink: EventSink): () => void {
    const observer = this.observer(sink.name ?? "an observer", sink.retryMs);
    const entry: Entry = { observer, sink, create: undefined };
    this.entries.push(entry);
    return () => {
      const index = this.entries.indexOf(entry);
      if (index >= 0) this.entries.splice(index, 1);
    };
  }

  /**
   * Adds a sink whose creation may already fail. After each failure, a new sink is made when it is tried again.
   * @param retryMs how long after a failure; without it, it is not tried again
   */
  addLazily(name: string, create: () => EventSink, retryMs?: number): void {
    const entry: Entry = { observer: this.observer(name, retryMs), sink: undefined, create };
    this.entries.push(entry);
    entry.observer.run(() => void (entry.sink = create()));
  }

  /** A function that does the same as the given one, but whose failures are reported as those of an observer. */
  guard<T>(
    name: string,
    retryMs: number | undefined,
    receive: (value: T) => void,
  ): (value: T) => void {
    const observer = this.observer(name, retryMs);
    return (value) => void observer.run(() => receive(value));
  }

  emit(event: RunEvent): void {
    if (this.isClosed) return;
    this.queue.push(event);
    // What a sink emits, such as a report of its failure, reaches every sink after the current event.
    if (this.isEmitting) return;
    this.isEmitting = true;
    try {
      for (let next = this.queue.shift(); next; next = this.queue.shift()) {
        for (const entry of this.entries) deliver(entry, next);
      }
    } finally {
      this.isEmitting = false;
    }
  }

  /** Closes the last sink first, so that those before it can still report its failure. */
  async close(): Promise<void> {
    for (let entry = this.entries.pop(); entry; entry = this.entries.pop()) {
      const { sink, observer } = entry;
      if (!sink?.close) continue;
      try {
        await inTime(sink.close(), CLOSE_MS);
      } catch (error) {
        observer.fail(error);
      }
    }
    this.isClosed = true;
  }

  private observer(name: string, retryMs: number | undefined): Observer {
    return new Observer(name, retryMs, (reason) => {
      this.emit({ event: "observer-failed", observer: name, reason: messageOf(reason) });
    });
  }
}

function deliver(entry: Entry, event: RunEvent): void {
  const { observer, create } = entry;
  if (!observer.isUsable) return;
  const isDone = observer.run(() => {
    entry.sink ??= create?.();
    return entry.sink?.handle(event);
  });
  if (isDone || !create || !entry.sink) return;
  const failed = entry.sink;
  entry.sink = undefined;
  // It has failed already: a failure to close it is not reported.
  new Observer(observer.name, undefined).run(() => failed.close?.());
}

async function inTime(pending: Promise<void> | void, ms: number): Promise<void> {
  if (!pending) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not closed after ${ms / 1000} s`)), ms);
  });
  try {
    await Promise.race([pending, late]);
  } finally {
    clearTimeout(timer);
  }
}
