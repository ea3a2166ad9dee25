// Events → the page's lines. Steps are gathered and told together, a few times a second, so that being watched costs the run
// next to nothing however fast its steps are.
import type { Dataset } from "../../../shared/data/dataset.js";
import type { EventSink, RunEvent, TaskTrace } from "../../../shared/events.js";
import { LateFailure } from "../../../shared/observer.js";
import { sanitizeText } from "../../../shared/text.js";
import { mergedMoments } from "../../../shared/statistics/moments.js";
import type { LayerStatistics, Line, PackedMoments, WorkerRow, WrongImage } from "./lines.js";

const FLUSH_MS = 500;
const STATISTICS_MS = 2_000;
const WRONG_IMAGES = 60;
/** Of the images' pixels: large ones are shown fewer. */
const MAX_WRONG_PIXELS = 256 * 1024;
/** Shards whose own moments are shown, and tasks of a step: more could not be told apart. */
const MAX_SHOWN_SHARDS = 16;
const MAX_SHOWN_TASKS = 512;
const MAX_TEXT_LENGTH = 200;
const MAX_NAME_LENGTH = 64;
/** Workers that are gone are kept in the table, but not without end. */
const MAX_ROWS = 256;

/** What the server knows of a worker that is connected. */
export interface WorkerStatus {
  name: string;
  host: string;
  roundTripMs: number | undefined;
  bytesUp: number;
  bytesDown: number;
  lastSeenMs: number;
}

export type LineSink = (line: Line) => void;

export class Recorder implements EventSink {
  readonly name = "the page";
  readonly retryMs = 1_000;
  private readonly failure = new LateFailure();
  private readonly dataset: Dataset;
  private readonly statuses: () => WorkerStatus[];
  private readonly sinks: LineSink[];
  private readonly rows = new Map<string, WorkerRow>();
  private readonly timer: NodeJS.Timeout;
  private isClosed = false;
  private step = 0;
  private gathered = { steps: [] as number[], losses: [] as number[], durationsMs: [] as number[] };
  private trace: (RunEvent & { event: "trace" }) | undefined;
  private moments: (RunEvent & { event: "moments" }) | undefined;
  private statisticsMs = -Infinity;

  /** @param statuses of the workers that are connected now */
  constructor(dataset: Dataset, statuses: () => WorkerStatus[], sinks: LineSink[]) {
    this.dataset = dataset;
    this.statuses = statuses;
    this.sinks = sinks;
    this.timer = setInterval(() => this.tick(), FLUSH_MS).unref();
  }

  handle(event: RunEvent): void {
    this.failure.throwIfAny();
    const at = Date.now();
    switch (event.event) {
      case "start": {
        const { config, step, steps, broadcast, parameterCount } = event;
        this.step = step;
        this.tell({ kind: "start", at, config, step, steps, broadcast, parameterCount });
        return;
      }
      case "step":
        this.step = event.step;
        this.gathered.steps.push(event.step);
        this.gathered.losses.push(event.loss);
        this.gathered.durationsMs.push(round(event.durationMs));
        return;
      case "trace":
        this.trace = event;
        for (const task of event.tasks) this.count(task);
        return;
      case "moments":
        this.moments = event;
        return;
      case "evaluation": {
        const { step, trainAccuracy, testAccuracy } = event;
        this.tell({ kind: "evaluation", at, step, trainAccuracy, testAccuracy });
        return;
      }
      case "predictions":
        this.tell(this.mistakes(event.step, event.classes));
        return;
      case "worker":
        this.noteWorker(event);
        this.mark(event.state, event.reason ?? event.state, event.name);
        return;
      case "repeat":
        this.mark("repeat", `${event.task} given to ${event.worker} as well`, event.worker);
        return;
      case "drift":
        this.mark("drift", "had come to other weights", event.worker);
        return;
      case "waiting":
        this.mark("waiting", event.reason);
        return;
      case "checkpoint":
        this.mark("checkpoint", `checkpoint of step ${event.step}`);
        return;
      case "checkpoint-failed":
        this.mark("checkpoint-failed", event.reason);
        return;
      case "interrupted":
        this.mark("interrupted", event.signal);
        return;
      case "end": {
        this.flush();
        const { step, testAccuracy, testLoss } = event;
        this.tell({ kind: "evaluation", at, step, trainAccuracy: null, testAccuracy });
        this.tell({ kind: "end", at, step, testAccuracy, testLoss });
        return;
      }
      case "checkpoint-kept":
        this.mark("checkpoint-kept", `the previous checkpoint is kept as ${event.previous}`);
        return;
      case "degraded":
        this.mark(
          "degraded",
          `${event.reason}; its results were used in steps ${event.from} to ${event.to}`,
          event.worker,
        );
        return;
      case "observer-failed":
        this.mark("observer-failed", `${event.observer}: ${event.reason}`);
        return;
      case "listening":
      case "spread":
      case "progress":
        return;
      default:
        event satisfies never;
    }
  }

  close(): void {
    if (this.isClosed) return;
    clearInterval(this.timer);
    this.tick();
    this.isClosed = true;
  }

  private tell(line: Line): void {
    if (this.isClosed) return;
    for (const sink of this.sinks) sink(line);
  }

  private mark(what: (Line & { kind: "mark" })["what"], text: string, worker?: string): void {
    this.flush();
    const named = worker === undefined ? {} : { worker: sanitizeText(worker, MAX_NAME_LENGTH) };
    this.tell({
      kind: "mark",
      at: Date.now(),
      step: this.step,
      what,
      text: sanitizeText(text, MAX_TEXT_LENGTH),
      ...named,
    });
  }

  private tick(): void {
    try {
      this.flush();
    } catch (error) {
      this.failure.note(error);
    }
  }

  /** Tells what has gathered. */
  private flush(): void {
    const at = Date.now();
    // Intervals by the monotonic clock: the time of day may be set back.
    const now = performance.now();
    if (this.gathered.steps.length > 0) {
      this.tell({ kind: "steps", at, ...this.gathered });
      this.gathered = { steps: [], losses: [], durationsMs: [] };
    }
    if (this.trace) {
      const { step, tasks, phases } = this.trace;
      const shown = tasks.slice(0, MAX_SHOWN_TASKS);
      this.tell({ kind: "trace", at, step, tasks: shown, phases });
      this.trace = undefined;
    }
    if (this.moments && now - this.statisticsMs >= STATISTICS_MS) {
      this.statisticsMs = now;
      const { step } = this.moments;
      this.tell({ kind: "statistics", at, step, layers: layersOf(this.moments) });
      this.moments = undefined;
    }
    for (const status of this.statuses()) {
      const row = this.rowOf(status.name);
      Object.assign(row, { ...status, name: row.name, state: "working" });
    }
    if (this.rows.size > 0) this.tell({ kind: "workers", at, workers: [...this.rows.values()] });
  }

  private count({ worker, task, samples, computedFromMs, computedToMs }: TaskTrace): void {
    const row = this.rowOf(worker);
    row.samples += samples;
    if (task === "shard") {
      row.shards++;
      row.shardMs += computedToMs - computedFromMs;
    } else {
      row.pieces++;
    }
  }

  private noteWorker({ name, state, reason }: RunEvent & { event: "worker" }): void {
    const known = this.rows.get(name);
    // Strangers that were turned away are marks, not rows.
    if (state === "rejected" && !known) return;
    const row = this.rowOf(name);
    row.state = state === "joined" ? "working" : state;
    if (reason === undefined) delete row.reason;
    else row.reason = sanitizeText(reason, MAX_TEXT_LENGTH);
  }

  private rowOf(name: string): WorkerRow {
    let row = this.rows.get(name);
    if (row) return row;
    const none = { shards: 0, pieces: 0, samples: 0, shardMs: 0, bytesUp: 0, bytesDown: 0 };
    const shownName = sanitizeText(name, MAX_NAME_LENGTH);
    row = { name: shownName, state: "working", host: "", ...none, lastSeenMs: 0 };
    this.rows.set(name, row);
    if (this.rows.size > MAX_ROWS) {
      const [oldest] = this.rows.keys();
      const gone = [...this.rows].find(([, other]) => other.state !== "working")?.[0] ?? oldest;
      if (gone !== undefined) this.rows.delete(gone);
    }
    return row;
  }

  private mistakes(step: number, classes: Uint8Array): Line {
    const { test, image, classCount } = this.dataset;
    const confusion = Array.from({ length: classCount }, () => Array<number>(classCount).fill(0));
    const images: WrongImage[] = [];
    const size = image.height * image.width;
    const most = Math.min(WRONG_IMAGES, Math.floor(MAX_WRONG_PIXELS / size));
    classes.forEach((taken, index) => {
      const label = test.labels[index]!;
      confusion[label]![taken]!++;
      if (taken === label || images.length >= most) return;
      const pixels = test.pixels.subarray(index * size, (index + 1) * size);
      images.push({ index, label, taken, pixels: Buffer.from(pixels).toString("base64") });
    });
    return { kind: "mistakes", at: Date.now(), step, confusion, ...image, images };
  }
}

function layersOf({ shards, population }: RunEvent & { event: "moments" }): LayerStatistics[] {
  return [...population].map(([name, statistics]) => {
    const own = shards.flatMap((moments) => moments.get(name) ?? []);
    return {
      name,
      shards: sampled(own, MAX_SHOWN_SHARDS).map(packed),
      merged: packed(mergedMoments(own)),
      population: packed(statistics),
    };
  });
}

/** Up to so many entries, evenly spaced. */
function sampled<T>(entries: readonly T[], most: number): T[] {
  const count = Math.min(entries.length, most);
  return Array.from({ length: count }, (_, index) => {
    return entries[Math.floor((index * entries.length) / count)]!;
  });
}

function packed({ mean, variance }: { mean: ArrayLike<number>; variance: ArrayLike<number> }) {
  const text = (values: ArrayLike<number>) =>
    Buffer.from(Float32Array.from(values).buffer).toString("base64");
  return { mean: text(mean), variance: text(variance) } satisfies PackedMoments;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
