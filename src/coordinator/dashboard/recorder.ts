// Events → the page's lines. Steps are gathered and told together, a few times a second, so that being watched costs the run
// next to nothing however fast its steps are.
import type { Dataset } from "../../shared/data/dataset.js";
import type { EventSink, RunEvent, TaskTrace } from "../../shared/events.js";
import { mergedMoments } from "../../shared/statistics/moments.js";
import type { LayerStatistics, Line, PackedMoments, WorkerRow, WrongImage } from "./lines.js";

const FLUSH_MS = 500;
const STATISTICS_MS = 2_000;
const WRONG_IMAGES = 60;
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
    this.timer = setInterval(() => this.flush(), FLUSH_MS).unref();
  }

  handle(event: RunEvent): void {
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
      case "listening":
      case "checkpoint-kept":
      case "degraded":
      case "observer-failed":
      case "spread":
      case "progress":
        return;
      default:
        event satisfies never;
    }
  }

  close(): void {
    if (this.isClosed) return;
    this.flush();
    this.isClosed = true;
    clearInterval(this.timer);
  }

  private tell(line: Line): void {
    if (this.isClosed) return;
    for (const sink of this.sinks) sink(line);
  }

  private mark(what: (Line & { kind: "mark" })["what"], text: string, worker?: string): void {
    this.flush();
    const named = worker === undefined ? {} : { worker };
    this.tell({ kind: "mark", at: Date.now(), step: this.step, what, text, ...named });
  }

  /** Tells what has gathered. */
  private flush(): void {
    const at = Date.now();
    if (this.gathered.steps.length > 0) {
      this.tell({ kind: "steps", at, ...this.gathered });
      this.gathered = { steps: [], losses: [], durationsMs: [] };
    }
    if (this.trace) {
      const { step, tasks, phases } = this.trace;
      this.tell({ kind: "trace", at, step, tasks, phases });
      this.trace = undefined;
    }
    if (this.moments && at - this.statisticsMs >= STATISTICS_MS) {
      this.statisticsMs = at;
      const { step } = this.moments;
      this.tell({ kind: "statistics", at, step, layers: layersOf(this.moments) });
      this.moments = undefined;
    }
    for (const status of this.statuses()) {
      Object.assign(this.rowOf(status.name), { ...status, state: "working" });
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
    else row.reason = reason;
  }

  private rowOf(name: string): WorkerRow {
    let row = this.rows.get(name);
    if (row) return row;
    const none = { shards: 0, pieces: 0, samples: 0, shardMs: 0, bytesUp: 0, bytesDown: 0 };
    row = { name, state: "working", host: "", ...none, lastSeenMs: 0 };
    this.rows.set(name, row);
    if (this.rows.size > MAX_ROWS) {
      const gone = [...this.rows.values()].find((other) => other.state !== "working");
      if (gone) this.rows.delete(gone.name);
    }
    return row;
  }

  private mistakes(step: number, classes: Uint8Array): Line {
    const { test, image, classCount } = this.dataset;
    const confusion = Array.from({ length: classCount }, () => Array<number>(classCount).fill(0));
    const images: WrongImage[] = [];
    const size = image.height * image.width;
    classes.forEach((taken, index) => {
      const label = test.labels[index]!;
      confusion[label]![taken]!++;
      if (taken === label || images.length >= WRONG_IMAGES) return;
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
      shards: own.map(packed),
      merged: packed(mergedMoments(own)),
      population: packed(statistics),
    };
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
