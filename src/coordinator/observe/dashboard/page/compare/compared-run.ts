// A run's log → the numbers by which it is compared; undefined for what the log does not contain. Pure.
import type { PageUpdate, PageUpdateOf } from "../../page-update.js";
import type { RunSettings } from "../../run-settings.js";
import { append, emptySeries, type Series } from "../series.js";

/** The metric by which a run is evaluated. Higher accuracies are better, and lower losses. */
export type Metric = "accuracy" | "loss";

/** The loss is averaged over the last steps, because that of a single step is noise. */
const LAST_STEPS = 100;
const RATE_COUNT = 50;

export interface ComparedRun {
  name: string;
  /** Index in the list of runs. */
  index: number;
  settings: RunSettings;
  metric: Metric;
  /** Of the test set, from the first to the last evaluation. */
  evaluations: Series;
  /** The last evaluation. */
  final: number | undefined;
  /** Samples of the test set. */
  testCount: number | undefined;
  /** Accuracy of always predicting the most frequent class. */
  chance: number | undefined;
  /** By step, or means over a few steps. */
  loss: Series;
  finalLoss: number | undefined;
  /** Seconds of training until each step. */
  seconds: Series;
  /** Samples per second, each value over a part of the run. */
  rates: Series;
  /** Samples per second over the whole run. */
  meanRate: number | undefined;
  /** Workers whose answers were used; undefined if the run's own process computed. */
  workerCount: number | undefined;
}

/** @param updates of one log, in the order of `History.updates` */
export function readComparedRun(
  name: string,
  index: number,
  updates: readonly PageUpdate[],
): ComparedRun {
  const last = lastByKind(updates);
  const { start, end, steps, mistakes, workers } = last;
  const target = start?.description.target;
  const metric = target?.kind === "values" ? "loss" : "accuracy";
  const evaluations = readEvaluations(updates, metric);
  const finalMetric = metric === "accuracy" ? end?.testAccuracy : end?.testLoss;
  const loss = finiteSeries(steps?.steps ?? [], steps?.losses ?? []);
  const batchSize = start?.description.batchSize;
  const answering = workers?.workers.filter(({ shards }) => shards > 0).length;
  return {
    name,
    index,
    settings: start ? settingsOf(start) : {},
    metric,
    evaluations,
    final: finalMetric ?? evaluations.values.at(-1),
    testCount: testCountOf(mistakes),
    chance: metric === "accuracy" ? chanceOf(mistakes, target?.count) : undefined,
    loss,
    finalLoss: meanOfLast(loss, LAST_STEPS),
    seconds: steps ? cumulateSeconds(steps) : emptySeries(),
    rates: steps && batchSize ? ratesOf(steps, batchSize, RATE_COUNT) : emptySeries(),
    meanRate: steps && batchSize ? ratesOf(steps, batchSize, 1).values[0] : undefined,
    workerCount: answering === 0 ? undefined : answering,
  };
}

type Last = { [K in PageUpdate["kind"]]?: PageUpdateOf<K> };

function lastByKind(updates: readonly PageUpdate[]): Last {
  return Object.fromEntries(updates.map((update) => [update.kind, update]));
}

/** Logs of earlier versions contain less. */
function settingsOf({ settings, description, steps }: PageUpdateOf<"start">): RunSettings {
  if (settings) return { ...settings, steps };
  const { network, optimizer, schedule, learningRate, batchSize, shards, seed } = description;
  const known = {
    network,
    optimizer,
    "learning rate": learningRate,
    schedule,
    "batch size": batchSize,
    shards,
    seed,
    engine: description.engineName,
    steps,
  };
  // In spite of the types, a log's fields may be missing.
  const present = Object.entries<string | number | undefined>(known).filter(
    (entry): entry is [string, string | number] => entry[1] !== undefined,
  );
  return Object.fromEntries(present);
}

function readEvaluations(updates: readonly PageUpdate[], metric: Metric): Series {
  const series = emptySeries();
  for (const update of updates) {
    if (update.kind !== "evaluation") continue;
    const value = metric === "accuracy" ? update.testAccuracy : update.testLoss;
    if (!isFiniteNumber(value) || series.steps.at(-1) === update.step) continue;
    append(series, update.step, value);
  }
  return series;
}

function testCountOf(mistakes: PageUpdateOf<"mistakes"> | undefined): number | undefined {
  return mistakes?.testCount ?? mistakes?.confusion?.flat().reduce((sum, count) => sum + count, 0);
}

function chanceOf(
  mistakes: PageUpdateOf<"mistakes"> | undefined,
  classCount: number | undefined,
): number | undefined {
  if (!mistakes?.confusion) return classCount === undefined ? undefined : 1 / classCount;
  const counts = mistakes.confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
  const total = counts.reduce((sum, count) => sum + count, 0);
  return total === 0 ? undefined : Math.max(...counts) / total;
}

/** Without null, which stands for NaN and infinities in JSON: a run's loss may be such a number. */
function finiteSeries(steps: readonly number[], values: readonly number[]): Series {
  const series = emptySeries();
  steps.forEach((step, index) => {
    const value = values[index];
    if (isFiniteNumber(value)) append(series, step, value);
  });
  return series;
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function meanOfLast({ steps, values }: Series, stepCount: number): number | undefined {
  const from = (steps.at(-1) ?? 0) - stepCount;
  const last = values.filter((_, index) => steps[index]! > from);
  if (last.length === 0) return undefined;
  return last.reduce((sum, value) => sum + value, 0) / last.length;
}

/** A long log is thinned out, so each entry stands for all steps since the previous one. */
function stepsPerEntry(steps: readonly number[]): number[] {
  return steps.map((step, index) => {
    if (index > 0) return step - steps[index - 1]!;
    return steps.length > 1 ? Math.min(step + 1, steps[1]! - step) : 1;
  });
}

function cumulateSeconds({ steps, durationsMs }: PageUpdateOf<"steps">): Series {
  const counts = stepsPerEntry(steps);
  let seconds = 0;
  const values = steps.map((_, index) => {
    seconds += (counts[index]! * (durationsMs[index] ?? 0)) / 1000;
    return seconds;
  });
  return { steps: [...steps], values };
}

/** Over parts of the run, each at its last step, so that the time of an evaluation between two steps makes no spike. */
function ratesOf(
  { steps, durationsMs }: PageUpdateOf<"steps">,
  batchSize: number,
  partCount: number,
): Series {
  const counts = stepsPerEntry(steps);
  const size = Math.max(1, Math.ceil(steps.length / partCount));
  const rates = emptySeries();
  for (let from = 0; from < steps.length; from += size) {
    const to = Math.min(from + size, steps.length);
    let [stepCount, totalMs] = [0, 0];
    for (let index = from; index < to; index++) {
      stepCount += counts[index]!;
      totalMs += counts[index]! * (durationsMs[index] ?? 0);
    }
    if (totalMs > 0) append(rates, steps[to - 1]!, (1000 * batchSize * stepCount) / totalMs);
  }
  return rates;
}

/** The first evaluated step with at least this accuracy; undefined if there is none. */
export function stepsToAccuracy(
  { evaluations }: ComparedRun,
  accuracy: number,
): number | undefined {
  const index = evaluations.values.findIndex((value) => value >= accuracy);
  return index < 0 ? undefined : evaluations.steps[index];
}
