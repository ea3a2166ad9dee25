// The events of a run, from one source: the terminal, the JSON lines, TensorBoard and the page read them.
import type { BroadcastKind, RunConfig } from "./config.js";
import type { Samples, TargetSpec } from "./data/samples.js";
import { messageOf } from "./errors.js";
import { Observer } from "./observer.js";
import type { WorkerKind } from "./protocol/messages.js";
import type { Moments, PopulationStatistics } from "./statistics/moments.js";

export type RunEvent =
  /**
   * The coordinator takes workers at `url`, and at all of `urls`: where it listens on every interface, those that other
   * machines can reach it at come after the loopback one.
   */
  | { event: "listening"; url: string; urls: string[]; needsToken: boolean }
  /** Before `start`, with `--recipe`: what the recipe stands for, and what was given in place of its own options. */
  | {
      event: "recipe";
      name: string;
      options: Readonly<Record<string, string | number>>;
      overridden: Readonly<Record<string, string | number>>;
    }
  /**
   * Before `start`: the data. `path` is missing for MNIST itself and for a program's own data; the numbers are of samples;
   * `description` says all of it in one line.
   */
  | {
      event: "data";
      kind: string;
      path?: string;
      training: number;
      validation: number;
      test: number;
      inputShape: readonly number[];
      target: TargetSpec;
      classNames?: readonly string[];
      description: string;
    }
  /** Training is about to begin, or to go on at `step`. */
  | {
      event: "start";
      config: RunConfig;
      step: number;
      steps: number;
      broadcast: BroadcastKind;
      parameterCount: number;
    }
  /** After `start`, with `--initial`: which layers take the file's weights, which are drawn, and which of the file's layers are not used. */
  | {
      event: "initial-weights";
      file: string;
      taken: string[];
      drawn: string[];
      unused: string[];
    }
  /** `kind`: what a worker that joined runs in. */
  | {
      event: "worker";
      name: string;
      state: "joined" | "left" | "rejected";
      kind?: WorkerKind;
      reason?: string;
    }
  /** A task whose worker is a straggler was assigned to a second worker as well. */
  | { event: "backup"; step: number; task: string; worker: string }
  /** With `--broadcast updates`: a worker's weights differed from the coordinator's, and it is sent those. */
  | { event: "divergence"; step: number; worker: string }
  /** The run is paused until something happens, or until `deadlineSeconds` have passed. */
  | { event: "waiting"; reason: string; deadlineSeconds: number }
  | { event: "step"; step: number; loss: number; durationMs: number; sampleCount: number }
  /**
   * How a step went, in milliseconds since its tasks were assigned; after each step. With `--broadcast updates` the
   * coordinator's optimizer runs while the next step does.
   */
  | {
      event: "trace";
      step: number;
      tasks: TaskTrace[];
      /** The coordinator's own work, in order; where buckets take their steps early, some phases come more than once. */
      phases: PhaseTrace[];
    }
  /** The moments that each shard was normalised with in a step, and the population statistics after it. */
  | {
      event: "moments";
      step: number;
      shards: readonly ReadonlyMap<string, Moments>[];
      population: ReadonlyMap<string, PopulationStatistics>;
    }
  /**
   * How many tasks are answered: `evaluation`, of a step with an evaluation; `population`, of all that the statistics of the
   * whole training set take.
   */
  | { event: "progress"; activity: "evaluation" | "population"; done: number; total: number }
  /** The population statistics are those of the whole training set now: of so many samples. */
  | { event: "population"; step: number; samples: number }
  /** At the end of `recalibrate`: the checkpoint with these statistics is written. */
  | { event: "recalibrated"; path: string; samples: number }
  /** At evaluations: samples of the values of weights, gradients and statistics. */
  | { event: "histograms"; step: number; values: readonly { name: string; values: Float32Array }[] }
  /** At evaluations: what was predicted for the test set, batch by batch: class numbers, or the outputs. */
  | {
      event: "predictions";
      step: number;
      predictions: readonly (Int32Array | Float32Array)[];
      /** Of the same batches; those of a large test set are without inputs after the first ones. */
      samples: readonly Samples[];
    }
  /** Accuracies where the targets are classes. */
  | {
      event: "evaluation";
      step: number;
      trainAccuracy?: number;
      testAccuracy?: number;
      trainLoss: number;
      testLoss: number;
    }
  | { event: "checkpoint"; step: number; path: string }
  | { event: "checkpoint-failed"; step: number; path: string; reason: string }
  /** The run's first checkpoint replaced one of another run, which is kept under `previous`. */
  | { event: "checkpoint-kept"; path: string; previous: string }
  /**
   * Results that were used in the steps `from` to `to` came from a worker that was found to compute wrongly: the final
   * checkpoint may not be the one that the configuration stands for.
   */
  | { event: "degraded"; worker: string; from: number; to: number; reason: string }
  /**
   * With `--mixed-numerics`: from the step `since` on, a machine takes part whose results differ in the last bits (`numerics`
   * is its fingerprint), so the final checkpoint may not be the one that the configuration stands for. Without `worker` it is
   * the coordinator's machine; without `numerics`, one that took part before the run was resumed.
   */
  | { event: "mixed-numerics"; since: number; worker?: string; numerics?: string }
  /** A reader of events failed; the training goes on without it, or it is tried again. */
  | { event: "observer-failed"; observer: string; reason: string }
  | { event: "interrupted"; step: number; signal: string }
  | { event: "end"; step: number; testAccuracy?: number; testLoss: number; path: string };

/**
 * `aggregate`: gradients summed, moments merged. `data`: waiting for the samples of the next step. `optimizer`: the coordinator's own step. `broadcast`: weights or updates
 * encoded and handed to the sockets, with the next tasks.
 */
export interface PhaseTrace extends Span {
  phase: "aggregate" | "data" | "optimizer" | "broadcast";
}

export interface Span {
  fromMs: number;
  toMs: number;
}

/** The life of one task: handed to the socket, computed, answered. */
export interface TaskTrace {
  worker: string;
  task: "shard" | "evaluate";
  /** Of a shard. */
  shard?: number;
  samples: number;
  sentMs: number;
  computedFromMs: number;
  computedToMs: number;
  /** How much of the time between the two it was not computed, but waited for other shards at barriers. */
  waitedMs: number;
  answeredMs: number;
}

/** How long the task was computed. */
export function computeMsOf(
  times: Pick<TaskTrace, "computedFromMs" | "computedToMs" | "waitedMs">,
): number {
  return Math.max(0, times.computedToMs - times.computedFromMs - times.waitedMs);
}

/** Events that are not reported to programs and logs: they hold whole arrays, or come with each step. */
const INTERNAL = ["trace", "moments", "histograms", "predictions", "progress"] as const;

/** A run's events as programs and logs get them; `event` says which one. */
export type ReportedEvent = Exclude<RunEvent, { event: (typeof INTERNAL)[number] }>;

export function isReported(event: RunEvent): event is ReportedEvent {
  return !INTERNAL.some((internal) => internal === event.event);
}

/** A reader of events. It may throw or reject: that is reported once, and never reaches the run. */
export interface EventSink {
  /** What it is called in the report of its failure. */
  readonly name?: string;
  /** How long after a failure it is tried again. Without it, it is not. */
  readonly retryMs?: number;
  handle(event: RunEvent): Promise<void> | void;
  /** Writes out what it has buffered; after it nothing is handled any more. */
  close?(): Promise<void> | void;
}

interface Entry {
  observer: Observer;
  /** undefined: yet to be made, by `create`. */
  sink: EventSink | undefined;
  create: (() => EventSink) | undefined;
}

/** A sink that does not close in this time is left behind. */
const CLOSE_MS = 3_000;

/** Hands each event to every sink, in order. No sink can end the run, keep another from an event, or keep the process. */
export class Events {
  private readonly entries: Entry[] = [];
  private readonly queue: RunEvent[] = [];
  private isEmitting = false;
  private isClosed = false;

  /** @returns a function that takes the sink out again, without closing it */
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
   * Adds a sink that may fail already when it is made. Where it fails, a new one is made when it is tried again.
   * @param retryMs how long after a failure; without it, it is not tried again
   */
  addLazily(name: string, create: () => EventSink, retryMs?: number): void {
    const entry: Entry = { observer: this.observer(name, retryMs), sink: undefined, create };
    this.entries.push(entry);
    entry.observer.run(() => void (entry.sink = create()));
  }

  /** A function that does the same as the given one, but whose failures are reported as an observer's. */
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
    // What a sink emits, a report of its failure included, comes after the event in hand, for every sink.
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

  /** The last sink first, so that those before it can still report its failure. */
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
  // It has failed already: how it closes is of no interest.
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
