// An entry's curve: the values of a single run or, of several seeds, their mean with the lowest and the highest. Pure.
import { append, emptySeries, type Series } from "../series.js";
import type { ComparedRun } from "./compared-run.js";
import type { Entry } from "./entry.js";

export interface EntrySeries {
  steps: number[];
  means: number[];
  /** Only for several runs. */
  lows: number[] | undefined;
  highs: number[] | undefined;
}

/** More points than pixels to draw them on. */
const MAX_POINTS = 600;

/** At the steps for which all of the entry's runs have a value. */
export function entrySeries({ runs }: Entry, seriesOf: (run: ComparedRun) => Series): EntrySeries {
  const all = runs.map(seriesOf).filter(({ steps }) => steps.length > 0);
  const [first] = all;
  if (!first) return { steps: [], means: [], lows: undefined, highs: undefined };
  if (all.length === 1) {
    const { steps, values } = thinSeries(first);
    return { steps, means: values, lows: undefined, highs: undefined };
  }
  const maps = all.map(({ steps, values }) => new Map(steps.map((step, i) => [step, values[i]!])));
  const common = first.steps.filter((step) => maps.every((map) => map.has(step)));
  const { steps } = thinSeries({ steps: common, values: common });
  const values = steps.map((step) => maps.map((map) => map.get(step)!));
  return {
    steps,
    means: values.map((each) => each.reduce((sum, value) => sum + value, 0) / each.length),
    lows: values.map((each) => Math.min(...each)),
    highs: values.map((each) => Math.max(...each)),
  };
}

/** Evenly spaced points, always including the last. */
export function thinSeries(series: Series, maxCount = MAX_POINTS): Series {
  const stride = Math.ceil(series.steps.length / maxCount);
  if (stride <= 1) return series;
  const last = series.steps.length - 1;
  const isKept = (_: number, index: number) => index % stride === 0 || index === last;
  return { steps: series.steps.filter(isKept), values: series.values.filter(isKept) };
}

/**
 * Exponential smoothing with bias correction at the start (Kingma and Ba, "Adam", 2015, section 3), over a number of steps,
 * however many steps each value stands for.
 */
export function smoothOver({ steps, values }: Series, stepCount: number): Series {
  const smoothed = emptySeries();
  let [mean, remainder] = [0, 1];
  steps.forEach((step, index) => {
    const gap = Math.max(1, step - (steps[index - 1] ?? step - 1));
    const weight = Math.max(0, 1 - gap / stepCount);
    mean = weight * mean + (1 - weight) * values[index]!;
    remainder *= weight;
    append(smoothed, step, mean / (1 - remainder));
  });
  return smoothed;
}

/** The last value at or before this step; undefined if there is none. */
export function valueAt(steps: readonly number[], values: readonly number[], step: number) {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle]! <= step) low = middle + 1;
    else high = middle;
  }
  return values[low - 1];
}

/** Seconds from the run's start to each step, interpolated between known steps. For several runs, their mean. */
export function secondsAt({ runs }: Entry, step: number): number {
  const times = runs.map(({ seconds }) => interpolate(seconds, step));
  return times.reduce((sum, time) => sum + time, 0) / times.length;
}

function interpolate({ steps, values }: Series, step: number): number {
  const next = steps.findIndex((each) => each >= step);
  if (next < 0) return values.at(-1) ?? 0;
  const [fromStep, from] = next === 0 ? [-1, 0] : [steps[next - 1]!, values[next - 1]!];
  const share = (step - fromStep) / (steps[next]! - fromStep);
  return from + share * (values[next]! - from);
}
