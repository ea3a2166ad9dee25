// Runs arranged by two of their settings: one grid of cells, or several, by a third setting. Pure.
import type { ComparedRun, Metric } from "./compared-run.js";
import { isAtChance, REPETITION_SETTINGS } from "./entry.js";
import { spreadOf } from "./interval.js";
import { compareSettings, type SettingValue, valuesOf } from "./settings-difference.js";

/** Names of settings; empty: none. */
export interface SweepAxes {
  columns: string;
  rows: string;
  grids: string;
}

export interface SweepCell {
  column: SettingValue;
  row: SettingValue;
  grid: SettingValue;
  runs: ComparedRun[];
  /** Mean of the runs' last evaluations; undefined if there are none. */
  value: number | undefined;
  isAtChance: boolean;
}

export interface SweepGrid {
  value: SettingValue;
  columns: SettingValue[];
  rows: SettingValue[];
  /** By row, then column; undefined if there is no such run. */
  cells: (SweepCell | undefined)[][];
}

/** Settings whose values follow from those of others. */
const DERIVED: readonly string[] = [...REPETITION_SETTINGS, "layers"];

/** More grids or columns would be unreadable. */
const MAX_GRIDS = 6;
const MAX_SIDE = 16;

/** The settings by which cells can be arranged. Of several that always change together, only the first. */
export function sweepSettings(runs: readonly ComparedRun[]): string[] {
  const partitions = new Set<string>();
  return compareSettings(runs).differing.filter((name) => {
    if (DERIVED.includes(name) || valuesOf(runs, name).length > MAX_SIDE) return false;
    const values = runs.map(({ settings }) => settings[name]);
    const partition = values.map((value) => values.indexOf(value)).join();
    const isNew = !partitions.has(partition);
    partitions.add(partition);
    return isNew;
  });
}

/** Columns and rows by the settings with the most values, numbers first. Grids by another setting that differs. */
export function chooseAxes(runs: readonly ComparedRun[]): SweepAxes {
  const names = sweepSettings(runs);
  const isNumeric = (name: string) => {
    return valuesOf(runs, name).every((value) => typeof value === "number");
  };
  const rank = (name: string) => valuesOf(runs, name).length + (isNumeric(name) ? MAX_SIDE : 0);
  // Of equal rank the later one: the learning rate comes after the settings of the network.
  const ranked = [...names].reverse().sort((a, b) => rank(b) - rank(a));
  const [columns = "", rows = "", ...others] = ranked;
  const byOrder = names.filter((name) => others.includes(name));
  const grids = byOrder.find((name) => valuesOf(runs, name).length <= MAX_GRIDS) ?? "";
  return { columns, rows, grids };
}

/** One grid per value of the third setting, all with the same columns and rows. */
export function sweepGrids(runs: readonly ComparedRun[], axes: SweepAxes): SweepGrid[] {
  const sideOf = (name: string) => (name === "" ? [undefined] : valuesOf(runs, name));
  const [columns, rows, grids] = [sideOf(axes.columns), sideOf(axes.rows), sideOf(axes.grids)];
  return grids.map((grid) => ({
    value: grid,
    columns,
    rows,
    cells: rows.map((row) =>
      columns.map((column) => {
        const members = runs.filter(
          ({ settings }) =>
            isAt(settings[axes.columns], column, axes.columns) &&
            isAt(settings[axes.rows], row, axes.rows) &&
            isAt(settings[axes.grids], grid, axes.grids),
        );
        return members.length === 0 ? undefined : createCell(members, { column, row, grid });
      }),
    ),
  }));
}

function isAt(value: SettingValue, wanted: SettingValue, name: string): boolean {
  return name === "" || value === wanted;
}

function createCell(
  runs: ComparedRun[],
  place: Pick<SweepCell, "column" | "row" | "grid">,
): SweepCell {
  const finals = runs.flatMap(({ final }) => (final === undefined ? [] : [final]));
  return {
    ...place,
    runs,
    value: spreadOf(finals)?.mean,
    isAtChance: runs.every((run) => isAtChance(run)),
  };
}

/** Multiples of the best run's error at which the tints of cells change. */
const ERROR_STEPS = [1.5, 2.5, 5] as const;
/** Taken as the error of a perfect run, so that its multiples differ. */
const LEAST_ERROR = 0.002;
const LEAST_LOSS = 1e-6;

/** The best value first. Thresholds are rounded: of an accuracy to tenths of a percent, of a loss to two digits. */
export function tintThresholds(values: readonly number[], metric: Metric): number[] {
  if (values.length === 0) return [];
  if (metric === "loss") {
    const best = Math.max(Math.min(...values), LEAST_LOSS);
    return ERROR_STEPS.map((step) => Number((step * best).toPrecision(2)));
  }
  const error = Math.max(1 - Math.max(...values), LEAST_ERROR);
  const thresholds = ERROR_STEPS.map((step) => Math.round(1000 * (1 - step * error)) / 1000);
  return thresholds.filter((threshold) => threshold > 0);
}

/** The number of thresholds that the value does not reach: 0 is the best tint. */
export function tintOf(value: number, thresholds: readonly number[], metric: Metric): number {
  const index = thresholds.findIndex((threshold) => {
    return metric === "accuracy" ? value >= threshold : value <= threshold;
  });
  return index < 0 ? thresholds.length : index;
}
