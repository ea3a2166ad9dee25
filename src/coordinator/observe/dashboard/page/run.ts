// Page updates → what the page shows of one run. Does not touch elements.
import type { RunDescription } from "../../run-description.js";
import type { PageUpdate, PageUpdateOf } from "../page-update.js";
import { carrySlowest } from "../slowest-trace.js";
import { append, emptySeries, thinOut, truncate } from "./series.js";

const MAX_STEPS = 400_000;
const MAX_MARKS = 2_000;
const MAX_STATISTICS = 256;
const PACE_STEPS = 100;

/** What the page knows about one run. */
export class Run {
  readonly name: string;
  canPredict = false;
  start: PageUpdateOf<"start"> | undefined;
  end: PageUpdateOf<"end"> | undefined;
  trace: PageUpdateOf<"trace"> | undefined;
  mistakes: PageUpdateOf<"mistakes"> | undefined;
  scatter: PageUpdateOf<"scatter"> | undefined;
  workers: PageUpdateOf<"workers">["workers"] = [];
  marks: PageUpdateOf<"mark">[] = [];
  statistics: PageUpdateOf<"statistics">[] = [];
  loss = emptySeries();
  durationMs = emptySeries();
  /** Of the evaluations: accuracies if the targets are classes, else losses. */
  trainMetric = emptySeries();
  testMetric = emptySeries();
  /** Why the run is waiting; undefined: it is not. */
  waitingFor: string | undefined;
  /** When the newest update was sent, by the coordinator's clock, in milliseconds since 1970. */
  lastAt: number | undefined;
  /** Increases with each update. */
  version = 0;

  constructor(name: string) {
    this.name = name;
  }

  get description(): RunDescription | undefined {
    return this.start?.description;
  }

  get metricName(): "accuracy" | "loss" {
    return this.description?.target.kind === "values" ? "loss" : "accuracy";
  }

  /** False only if it is known that no layer normalises. */
  get isNormalised(): boolean {
    return this.start?.settings?.["batch norm"] !== "none";
  }

  get lastStep(): number | undefined {
    return this.end?.step ?? this.loss.steps.at(-1) ?? this.start?.step;
  }

  get batchSize(): number {
    return this.description?.batchSize ?? 0;
  }

  /** Steps per second, over the last steps. */
  get pace(): number {
    const last = this.durationMs.values.slice(-PACE_STEPS);
    const totalMs = last.reduce((sum, value) => sum + value, 0);
    return totalMs === 0 ? 0 : (1000 * last.length) / totalMs;
  }

  className(label: number): string {
    return this.start?.classNames?.[label] ?? String(label);
  }

  add(update: PageUpdate): void {
    this.version++;
    if ("at" in update) this.lastAt = update.at;
    switch (update.kind) {
      case "reset":
        Object.assign(this, new Run(this.name), { version: this.version });
        this.canPredict = update.canPredict;
        return;
      case "start":
        this.resume(update);
        return;
      case "steps":
        this.addSteps(update);
        return;
      case "evaluation":
        this.addEvaluation(update);
        return;
      case "mark":
        this.marks.push(update);
        if (update.what === "waiting") this.waitingFor = update.text;
        if (this.marks.length > MAX_MARKS) this.marks.shift();
        return;
      case "workers":
        this.workers = update.workers;
        return;
      case "trace":
        this.trace = carrySlowest(this.trace, update);
        return;
      case "statistics":
        this.addStatistics(update);
        return;
      case "mistakes":
        this.mistakes = update;
        return;
      case "scatter":
        this.scatter = update;
        return;
      case "end":
        this.end = update;
        this.waitingFor = undefined;
        return;
      default:
        update satisfies never;
    }
  }

  private addSteps({ steps, losses, durationsMs }: PageUpdateOf<"steps">): void {
    this.waitingFor = undefined;
    steps.forEach((step, index) => {
      append(this.loss, step, losses[index]!);
      append(this.durationMs, step, durationsMs[index]!);
    });
    for (const series of [this.loss, this.durationMs]) thinOut(series, MAX_STEPS);
  }

  private addEvaluation(update: PageUpdateOf<"evaluation">): void {
    const isAccuracy = this.metricName === "accuracy";
    const train = isAccuracy ? update.trainAccuracy : update.trainLoss;
    const test = isAccuracy ? update.testAccuracy : update.testLoss;
    if (train !== undefined) append(this.trainMetric, update.step, train);
    const isNew = this.testMetric.steps.at(-1) !== update.step;
    if (test !== undefined && isNew) append(this.testMetric, update.step, test);
  }

  /** The moments of the shards are drawn for the newest step only. */
  private addStatistics(update: PageUpdateOf<"statistics">): void {
    const newest = this.statistics.at(-1);
    if (newest) newest.layers = newest.layers.map((layer) => ({ ...layer, shards: [] }));
    this.statistics.push(update);
    if (this.statistics.length <= MAX_STATISTICS) return;
    const last = this.statistics.length - 1;
    this.statistics = this.statistics.filter((_, index) => index % 2 === 0 || index === last);
  }

  /** A resumed run repeats the steps after its checkpoint. */
  private resume(start: PageUpdateOf<"start">): void {
    for (const series of [this.loss, this.durationMs, this.trainMetric, this.testMetric]) {
      truncate(series, start.step);
    }
    this.statistics = this.statistics.filter(({ step }) => step < start.step);
    this.start = start;
    this.end = undefined;
  }
}
