// What is compared: single runs, or groups of runs that differ only in the seed. Pure.
import type { ComparedRun, Metric } from "./compared-run.js";
import { type Interval, type Spread, spreadOf, wilsonInterval } from "./interval.js";

/** Settings that may differ between repetitions of the same run. */
export const REPETITION_SETTINGS: readonly string[] = ["seed", "numerics"];

export interface Entry {
  /** A, B, …, Z, AA, …: the same everywhere. */
  letter: string;
  /** Counts from 0 in the order of the runs. */
  index: number;
  name: string;
  /** One run, or several with different seeds. */
  runs: readonly ComparedRun[];
}

/** @param bySeed whether runs that differ only in the seed form one entry */
export function entriesOf(runs: readonly ComparedRun[], bySeed: boolean): Entry[] {
  const groups = bySeed ? groupBySettings(runs) : runs.map((run) => [run]);
  return groups.map((members, index) => ({
    letter: letterOf(index),
    index,
    name: groupName(members.map(({ name }) => name)),
    runs: members,
  }));
}

/** Whether some runs differ only in the seed. */
export function hasRepetitions(runs: readonly ComparedRun[]): boolean {
  return groupBySettings(runs).length < runs.length;
}

function groupBySettings(runs: readonly ComparedRun[]): ComparedRun[][] {
  const groups = new Map<string, ComparedRun[]>();
  for (const run of runs) {
    const settings = Object.entries(run.settings).filter(
      ([name]) => !REPETITION_SETTINGS.includes(name),
    );
    const key = JSON.stringify([run.metric, settings.sort(([a], [b]) => (a < b ? -1 : 1))]);
    // A log without settings does not say what its run repeats.
    const group = settings.length === 0 ? undefined : groups.get(key);
    if (group) group.push(run);
    else groups.set(settings.length === 0 ? `${key} ${run.index}` : key, [run]);
  }
  return [...groups.values()];
}

function letterOf(index: number): string {
  const rest = Math.floor(index / 26);
  return (rest > 0 ? letterOf(rest - 1) : "") + String.fromCharCode(65 + (index % 26));
}

/** The common beginning of the names: `bn-1`, `bn-2` → `bn`. */
function groupName(names: readonly string[]): string {
  const [first = ""] = names;
  if (names.length === 1) return first;
  let length = first.length;
  for (const name of names) {
    while (!name.startsWith(first.slice(0, length))) length--;
  }
  const common = first.slice(0, length).replace(/[-_. =/]*(seed)?[-_. =/]*$/, "");
  return common === "" ? first : common;
}

/** Over those of the entry's runs that have the value. */
export function entrySpread(
  { runs }: Entry,
  valueOf: (run: ComparedRun) => number | undefined,
): Spread | undefined {
  const values = runs.map(valueOf).filter((value) => value !== undefined);
  return spreadOf(values);
}

/** Interval of an accuracy: for one run by the size of its test set, for several seeds from the lowest to the highest. */
export function metricInterval({ runs }: Entry): Interval | undefined {
  const [run] = runs;
  const spread = spreadOf(runs.flatMap(({ final }) => (final === undefined ? [] : [final])));
  if (!spread || !run) return undefined;
  if (spread.count > 1) return { low: spread.min, high: spread.max };
  if (run.metric === "loss" || run.testCount === undefined || runs.length > 1) return undefined;
  return wilsonInterval(spread.mean, run.testCount);
}

/** Whether its accuracy is not clearly better than that of always predicting the most frequent class. */
export function isAtChance({ final, chance, testCount }: ComparedRun): boolean {
  if (final === undefined || chance === undefined) return false;
  return (testCount === undefined ? final : wilsonInterval(final, testCount).low) <= chance;
}

export function isBetter(metric: Metric, one: number, other: number): boolean {
  return metric === "accuracy" ? one > other : one < other;
}

/** The metric by which the runs are compared: the accuracy if any of them has one. */
export function commonMetric(runs: readonly ComparedRun[]): Metric {
  return runs.some(({ metric }) => metric === "accuracy") ? "accuracy" : "loss";
}
