// Events → page updates. Steps are sent together, twice a second, so that open pages cost the run next to nothing, however fast
// its steps are.
import { basename } from "node:path";
import type { EventSink } from "../../../shared/events.js";
import { sizeOf } from "../../../shared/network/network.js";
import { LateFailure } from "../../../shared/observer.js";
import type { RunEvent } from "../../../shared/run-event.js";
import { sanitizeText } from "../../../shared/text.js";
import { mixedNumericsText } from "../sinks/narration.js";
import { describeRun, type RunDescription } from "../run-description.js";
import { mistakesOf } from "./class-predictions.js";
import { InputColumns } from "./input-columns.js";
import { layerStatistics } from "./layer-statistics.js";
import type { MarkKind, PageUpdate, PageUpdateSink, StepTrace } from "./page-update.js";
import { runSettings } from "./run-settings.js";
import { pictureShapeOf, ShownSamples } from "./shown-samples.js";
import { SlowestTrace } from "./slowest-trace.js";
import { scatterOf } from "./value-predictions.js";
import { type WorkerStatus, WorkerTable } from "./worker-table.js";

const FLUSH_MS = 500;
const STATISTICS_MS = 2_000;
/** More tasks or phases could not be distinguished in the drawing. */
const MAX_TASKS = 512;
const MAX_PHASES = 512;
const MAX_TEXT_LENGTH = 200;
const MAX_NAME_LENGTH = 64;
/** Class names beyond this many are replaced by class numbers. */
const MAX_CLASS_NAMES = 1_000;

export interface RecorderOptions {
  classNames?: readonly string[] | undefined;
  /** The workers that are connected now. */
  workers: () => WorkerStatus[];
  sinks: readonly PageUpdateSink[];
  /** A monotonic clock, in milliseconds. */
  now?: () => number;
}

export class Recorder implements EventSink {
  readonly name = "the page";
  readonly retryMs = 1_000;
  private readonly options: RecorderOptions;
  private readonly now: () => number;
  private readonly failure = new LateFailure();
  private readonly table = new WorkerTable();
  private readonly timer: NodeJS.Timeout;
  private isClosed = false;
  private description: RunDescription | undefined;
  private columns: InputColumns | undefined;
  private step = 0;
  private steps = noSteps();
  private trace: (RunEvent & { event: "trace" }) | undefined;
  private readonly slowest = new SlowestTrace();
  private sentSlowest: (RunEvent & { event: "trace" }) | undefined;
  private moments: (RunEvent & { event: "moments" }) | undefined;
  private statisticsMs = -Infinity;

  constructor(options: RecorderOptions) {
    this.options = options;
    this.now = options.now ?? (() => performance.now());
    this.timer = setInterval(() => this.tick(), FLUSH_MS).unref();
  }

  handle(event: RunEvent): void {
    this.failure.throwIfAny();
    switch (event.event) {
      case "start":
        this.start(event);
        return;
      case "step":
        this.step = event.step;
        this.steps.steps.push(event.step);
        this.steps.losses.push(event.loss);
        this.steps.durationsMs.push(Math.round(100 * event.durationMs) / 100);
        return;
      case "trace":
        this.trace = event;
        this.slowest.add(event);
        for (const task of event.tasks) this.table.countTask(task);
        return;
      case "moments":
        this.moments = event;
        return;
      case "evaluation": {
        const { event: kind, ...metrics } = event;
        this.send({ kind, at: Date.now(), ...metrics });
        return;
      }
      case "predictions":
        this.sendPredictions(event);
        return;
      case "end":
        this.end(event);
        return;
      case "worker":
        this.table.noteChange(event);
        this.mark(event.state, event.reason ?? stateText(event), event.name);
        return;
      case "backup":
        this.mark("backup", `second assignment of ${event.task}, which is late`, event.worker);
        return;
      case "divergence":
        this.mark("divergence", "its weights differed and were replaced", event.worker);
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
      case "checkpoint-kept":
        this.mark("checkpoint-kept", `the previous checkpoint was renamed to ${event.previous}`);
        return;
      case "degraded":
        this.mark(
          "degraded",
          `${event.reason}; its results were used in steps ${event.from} to ${event.to}`,
          event.worker,
        );
        return;
      case "mixed-numerics":
        this.mark("mixed-numerics", mixedNumericsText(event), event.worker);
        return;
      case "observer-failed":
        this.mark("observer-failed", `${event.observer}: ${event.reason}`);
        return;
      case "interrupted":
        this.mark("interrupted", event.signal);
        return;
      case "listening":
      case "recipe":
      case "data":
      case "initial-weights":
      case "population":
      case "recalibrated":
      case "histograms":
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

  private start(event: RunEvent & { event: "start" }): void {
    const { config, step, steps, broadcast, parameterCount } = event;
    const description = describeRun(config);
    this.description = description;
    this.step = step;
    const classNames = this.options.classNames
      ?.slice(0, MAX_CLASS_NAMES)
      .map((name) => sanitizeText(name, MAX_NAME_LENGTH));
    const names = classNames ? { classNames } : {};
    const { table } = config.data;
    this.columns = new InputColumns(sizeOf(config.network.inputShape), table);
    const { form } = this.columns;
    const inputs = {
      ...(form && !pictureShapeOf(config.network.inputShape) ? { columns: form } : {}),
      ...(table ? { label: sanitizeText(table.label, MAX_NAME_LENGTH) } : {}),
    };
    const settings = runSettings(config);
    const run = { description, settings, step, steps, broadcast, parameterCount };
    this.send({ kind: "start", at: Date.now(), ...run, ...names, ...inputs });
  }

  private end({ step, testAccuracy, testLoss, path }: RunEvent & { event: "end" }): void {
    this.flush();
    const at = Date.now();
    const metrics = { ...(testAccuracy === undefined ? {} : { testAccuracy }), testLoss };
    this.send({ kind: "evaluation", at, step, ...metrics });
    const file = sanitizeText(basename(path), MAX_TEXT_LENGTH);
    this.send({ kind: "end", at, step, ...metrics, file });
  }

  private sendPredictions(event: RunEvent & { event: "predictions" }): void {
    const { description, columns } = this;
    if (!description || !columns) return;
    const at = Date.now();
    const shown = new ShownSamples(description, columns, event.samples);
    const { kind, count } = description.target;
    this.send(
      kind === "classes"
        ? mistakesOf(event, count, shown, at)
        : scatterOf(event, description, shown, at),
    );
  }

  private mark(what: MarkKind, text: string, worker?: string): void {
    this.flush();
    const named = worker === undefined ? {} : { worker: sanitizeText(worker, MAX_NAME_LENGTH) };
    const safeText = sanitizeText(text, MAX_TEXT_LENGTH);
    this.send({ kind: "mark", at: Date.now(), step: this.step, what, text: safeText, ...named });
  }

  private send(update: PageUpdate): void {
    if (this.isClosed) return;
    for (const sink of this.options.sinks) sink(update);
  }

  private tick(): void {
    try {
      this.flush();
    } catch (error) {
      this.failure.note(error);
    }
  }

  /** Sends what was buffered, and the newest trace, statistics and workers. */
  private flush(): void {
    const at = Date.now();
    if (this.steps.steps.length > 0) {
      this.send({ kind: "steps", at, ...this.steps });
      this.steps = noSteps();
    }
    if (this.trace) {
      const { slowest } = this.slowest;
      const hasChanged = slowest !== undefined && slowest !== this.sentSlowest;
      const changed = hasChanged ? { slowest: shownTrace(slowest) } : {};
      this.send({ kind: "trace", at, ...shownTrace(this.trace), ...changed });
      this.sentSlowest = slowest;
      this.trace = undefined;
    }
    this.flushStatistics(at);
    for (const status of this.options.workers()) this.table.noteStatus(status);
    const { rows } = this.table;
    if (rows.length > 0) this.send({ kind: "workers", at, workers: rows });
  }

  /** Intervals are measured with the monotonic clock: the time of day may be set back. */
  private flushStatistics(at: number): void {
    const nowMs = this.now();
    const { moments } = this;
    if (!moments || nowMs - this.statisticsMs < STATISTICS_MS) return;
    this.statisticsMs = nowMs;
    this.moments = undefined;
    const layers = layerStatistics(moments);
    if (layers.length > 0) this.send({ kind: "statistics", at, step: moments.step, layers });
  }
}

function shownTrace({ step, tasks, phases }: RunEvent & { event: "trace" }): StepTrace {
  const shown = tasks.slice(0, MAX_TASKS).map((task) => {
    return { ...task, worker: sanitizeText(task.worker, MAX_NAME_LENGTH) };
  });
  return { step, tasks: shown, phases: phases.slice(0, MAX_PHASES) };
}

function noSteps() {
  return { steps: [] as number[], losses: [] as number[], durationsMs: [] as number[] };
}

/** `joined` or `left`, followed by "in a browser" for a browser. */
function stateText({ state, kind }: RunEvent & { event: "worker" }): string {
  return kind === "browser" ? `${state} in a browser` : state;
}
