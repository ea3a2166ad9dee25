// The lines → what the page shows of one run. No elements here.
import type { Line } from "../lines.js";

const MAX_STEPS = 400_000;
const MAX_MARKS = 2_000;
const MAX_STATISTICS = 256;

type Of<K extends Line["kind"]> = Line & { kind: K };

export interface Series {
  steps: number[];
  values: number[];
}

/** The page's knowledge of one run. */
export class Run {
  readonly name: string;
  canPredict = false;
  start: Of<"start"> | undefined;
  end: Of<"end"> | undefined;
  trace: Of<"trace"> | undefined;
  mistakes: Of<"mistakes"> | undefined;
  workers: Of<"workers">["workers"] = [];
  marks: Of<"mark">[] = [];
  statistics: Of<"statistics">[] = [];
  loss: Series = { steps: [], values: [] };
  durationMs: Series = { steps: [], values: [] };
  trainAccuracy: Series = { steps: [], values: [] };
  testAccuracy: Series = { steps: [], values: [] };
  /** Raised with each change. */
  version = 0;

  constructor(name: string) {
    this.name = name;
  }

  get lastStep(): number | undefined {
    return this.end?.step ?? lastOf(this.loss.steps) ?? this.start?.step;
  }

  get batchSize(): number {
    return this.start?.config.batchSize ?? 0;
  }

  /** Steps a second, of the last steps that were seen. */
  get pace(): number {
    const last = this.durationMs.values.slice(-100);
    const total = last.reduce((sum, value) => sum + value, 0);
    return total === 0 ? 0 : (1000 * last.length) / total;
  }

  take(line: Line): void {
    this.version++;
    switch (line.kind) {
      case "reset":
        Object.assign(this, new Run(this.name), { version: this.version });
        this.canPredict = line.canPredict;
        return;
      case "start":
        this.goOnFrom(line.step);
        this.start = line;
        this.end = undefined;
        return;
      case "steps":
        line.steps.forEach((step, index) => {
          add(this.loss, step, line.losses[index]!);
          add(this.durationMs, step, line.durationsMs[index]!);
        });
        for (const series of [this.loss, this.durationMs]) thinOut(series, MAX_STEPS);
        return;
      case "evaluation":
        if (line.trainAccuracy !== null) add(this.trainAccuracy, line.step, line.trainAccuracy);
        if (lastOf(this.testAccuracy.steps) !== line.step)
          add(this.testAccuracy, line.step, line.testAccuracy);
        return;
      case "mark":
        this.marks.push(line);
        if (this.marks.length > MAX_MARKS) this.marks.shift();
        return;
      case "workers":
        this.workers = line.workers;
        return;
      case "trace":
        this.trace = line;
        return;
      case "statistics":
        this.addStatistics(line);
        return;
      case "mistakes":
        this.mistakes = line;
        return;
      case "end":
        this.end = line;
        return;
      default:
        line satisfies never;
    }
  }

  /** The shards' own moments are drawn for the newest step only. */
  private addStatistics(line: Of<"statistics">): void {
    const newest = this.statistics.at(-1);
    if (newest) newest.layers = newest.layers.map((layer) => ({ ...layer, shards: [] }));
    this.statistics.push(line);
    if (this.statistics.length <= MAX_STATISTICS) return;
    const last = this.statistics.length - 1;
    this.statistics = this.statistics.filter((_, index) => index % 2 === 0 || index === last);
  }

  /** A run that was resumed goes on from its checkpoint: what was done after that is done again. */
  private goOnFrom(step: number): void {
    for (const series of [this.loss, this.durationMs, this.trainAccuracy, this.testAccuracy]) {
      const from = series.steps.findIndex((other) => other >= step);
      if (from >= 0) {
        series.steps.length = from;
        series.values.length = from;
      }
    }
    this.statistics = this.statistics.filter((line) => line.step < step);
  }
}

/** Leaves out every other value of the older half: a page may stay open for weeks. */
function thinOut(series: Series, most: number): void {
  if (series.steps.length <= most) return;
  const older = series.steps.length / 2;
  const isKept = (_: number, index: number) => index >= older || index % 2 === 0;
  series.steps = series.steps.filter(isKept);
  series.values = series.values.filter(isKept);
}

function add(series: Series, step: number, value: number): void {
  series.steps.push(step);
  series.values.push(value);
}

function lastOf<T>(values: readonly T[]): T | undefined {
  return values.at(-1);
}

/** Exponential smoothing without the bias of its start (Kingma and Ba, "Adam", 2015, section 3). */
export function smoothed(values: readonly number[], weight: number): number[] {
  let [mean, left] = [0, 1];
  return values.map((value) => {
    mean = weight * mean + (1 - weight) * value;
    left *= weight;
    return mean / (1 - left);
  });
}

/** Samples a second, over some steps together. */
export function rates({ steps, values }: Series, batchSize: number, window = 20): Series {
  const series: Series = { steps: [], values: [] };
  for (let to = window; to <= values.length; to += window) {
    const total = values.slice(to - window, to).reduce((sum, value) => sum + value, 0);
    add(series, steps[to - 1]!, (1000 * batchSize * window) / total);
  }
  return series;
}
