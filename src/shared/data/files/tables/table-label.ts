// Turns the label column into targets: classes or values, depending on its content or --label-kind. Pure.
import { quote } from "../../../network/problem.js";
import type { TargetSpec } from "../../samples.js";
import { MAX_CATEGORIES } from "../../table.js";
import { type Refuse, listNames } from "../bad-data.js";
import { fitsFloat32, isMissingClass, isNumber } from "./table-cells.js";
import { areNearlyUnique, type UnknownColumn } from "./table-column.js";

export const LABEL_KINDS = ["classes", "values"] as const;
export type LabelKind = (typeof LABEL_KINDS)[number];

/** The label column's name, if the user specifies none. */
const USUAL_NAMES = ["label", "target", "class"];
/** Integers are classes if there are at most this many different ones, … */
const MAX_NUMBERED_CLASSES = 100;
/** … and each has at least this many rows on average. */
const MIN_ROWS_OF_CLASS = 5;

export interface Labels {
  target: TargetSpec;
  /** Class numbers, or one value per row. */
  targets: Int32Array | Float32Array;
  /** In the order of the class numbers. */
  classNames: readonly string[] | undefined;
}

/** The index of the label column. @throws what `refuse` throws, listing the columns */
export function findLabel(
  file: string,
  header: readonly string[],
  label: string | undefined,
  refuse: Refuse,
): number {
  const columns = `Its columns are ${listNames(header)}.`;
  if (label !== undefined) {
    const place = header.indexOf(label);
    if (place >= 0) return place;
    return refuse(file, `it has no column ${quote(label)} (--label). ${columns}`);
  }
  const usual = header.filter((name) => USUAL_NAMES.includes(name.toLowerCase()));
  if (usual.length === 1) return header.indexOf(usual[0]!);
  return refuse(file, `--label must name the column to predict. ${columns}`);
}

/**
 * Texts are classes. Numbers are values, unless they are integers with at most 100 different ones and at least five rows each on
 * average.
 * @throws what `refuse` throws
 */
export function learnLabels(
  file: string,
  name: string,
  column: UnknownColumn,
  kind: LabelKind | undefined,
  refuse: Refuse,
): Labels {
  const found = column.hasText && kind === "classes" ? column.finishCategories() : column.finish();
  if (found.kind === "category") {
    if (kind === "values") {
      const example = found.categories.find((text) => !isNumber(text)) ?? "";
      refuse(
        file,
        `--label-kind values: ${quote(example)} in column ${quote(name)} is not a number.`,
      );
    }
    const missing = kind === "classes" ? -1 : found.categories.findIndex(isMissingClass);
    if (missing >= 0) {
      refuse(
        file,
        `row ${found.values.indexOf(missing) + 1}, column ${quote(name)}: ${quote(found.categories[missing]!)} stands for a missing label. Fill it in, or remove the row; if it is a class, use --label-kind classes.`,
      );
    }
    if (kind === undefined && areNearlyUnique(found)) {
      refuse(
        file,
        `column ${quote(name)} contains ${found.categories.length} different texts in ${found.values.length} rows, most of them in one row only: too many for classes. Give another --label; if they are classes, use --label-kind classes.`,
      );
    }
    return classes(file, name, found.values, found.categories, refuse);
  }
  const numbers = distinctNumbers(found.values);
  if (kind === "classes" && !numbers) {
    refuse(
      file,
      `--label-kind classes: column ${quote(name)} has more than ${MAX_CATEGORIES} different numbers.`,
    );
  }
  const areClasses =
    kind === "classes" || (kind === undefined && lookLikeClasses(numbers, found.values.length));
  if (!numbers || !areClasses) {
    return {
      target: { kind: "values", count: 1 },
      targets: Float32Array.from(found.values),
      classNames: undefined,
    };
  }
  const places = new Map(numbers.map((number, place) => [number, place]));
  const targets = Int32Array.from(found.values, (value) => places.get(value)!);
  return classes(file, name, targets, numbers.map(String), refuse);
}

function classes(
  file: string,
  name: string,
  targets: Int32Array,
  classNames: readonly string[],
  refuse: Refuse,
): Labels {
  if (classNames.length < 2) {
    refuse(
      file,
      `all rows have the same label, ${quote(classNames[0] ?? "")} in column ${quote(name)}. At least two classes are needed.`,
    );
  }
  return { target: { kind: "classes", count: classNames.length }, targets, classNames };
}

/** Sorted; undefined if there are too many for classes. */
function distinctNumbers(values: Float64Array): number[] | undefined {
  const distinct = new Set<number>();
  for (const value of values) {
    distinct.add(value);
    if (distinct.size > MAX_CATEGORIES) return undefined;
  }
  return [...distinct].sort((a, b) => a - b);
}

function lookLikeClasses(numbers: readonly number[] | undefined, rowCount: number): boolean {
  return (
    numbers !== undefined &&
    numbers.length <= MAX_NUMBERED_CLASSES &&
    numbers.length * MIN_ROWS_OF_CLASS <= rowCount &&
    numbers.every(Number.isInteger)
  );
}

/** Reads a label of a table with known classes, or with values. @returns undefined if it is neither */
export function readLabel(
  cell: string,
  places: ReadonlyMap<string, number> | undefined,
): number | undefined {
  if (!places) return isNumber(cell) && fitsFloat32(Number(cell)) ? Number(cell) : undefined;
  // "1.0" is the class 1.
  return places.get(cell) ?? (isNumber(cell) ? places.get(String(Number(cell))) : undefined);
}
