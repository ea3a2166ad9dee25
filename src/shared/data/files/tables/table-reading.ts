// Reads the rows of a table: either with known columns, or learning the columns from the rows.
import { createHash } from "node:crypto";
import { quote } from "../../../network/problem.js";
import type { TargetSpec } from "../../samples.js";
import { MAX_CATEGORIES, type TableColumn, type TableSpec } from "../../table.js";
import { listNames, type Refuse, refuseWith } from "../bad-data.js";
import type { DataOptions } from "../data-kind.js";
import { isMissing } from "./table-cells.js";
import { areNearlyUnique, type ColumnValues, UnknownColumn } from "./table-column.js";
import { findLabel, type Labels, learnLabels, readLabel } from "./table-label.js";
import { KnownColumns, type RowValues, standardise } from "./table-rows.js";
import { readTableText } from "./table-text.js";

/** What is known about a table after its training rows have been read. */
export interface TableKnowledge {
  spec: TableSpec;
  target: TargetSpec;
  /** In the order of the class numbers. */
  classNames: readonly string[] | undefined;
}

/** All rows, in the order of the file. */
export interface TableRows {
  knowledge: TableKnowledge;
  values: RowValues;
  /** Class numbers, or one value per row. */
  targets: Labels["targets"];
  /** SHA-256 of the file's unpacked bytes. */
  digest: string;
}

/** Cells per file: 1 GiB of numbers. */
const MAX_CELLS = 2 ** 27;

export const refuseTable: Refuse = refuseWith("data-table");

/** @throws TandemError `data-table`, naming the row and column that does not match the known table */
export function readKnownTable(file: string, knowledge: TableKnowledge): Promise<TableRows> {
  const { spec, target, classNames } = knowledge;
  const places = classNames && new Map(classNames.map((name, place) => [name, place]));
  return readFile(file, async (header, rows, digest) => {
    const labelPlace = header.indexOf(spec.label);
    if (labelPlace < 0) {
      refuseTable(file, `it has no column ${quote(spec.label)}, which is the label.`);
    }
    const columns = new KnownColumns(file, header, spec, refuseTable);
    const targets: number[] = [];
    for await (const cells of rows) {
      columns.add(cells);
      const cell = cells[labelPlace]!;
      const label = readLabel(cell, places);
      if (label === undefined) {
        const problem =
          target.kind === "classes" ? "not a class of the training rows" : "not a number";
        const place = `row ${targets.length + 1}, column ${quote(spec.label)}`;
        refuseTable(file, `${place}: ${quote(cell)} is ${problem}.`);
      }
      targets.push(label);
    }
    return {
      knowledge,
      values: columns.finish(),
      targets: target.kind === "classes" ? Int32Array.from(targets) : Float32Array.from(targets),
      digest: digest(),
    };
  });
}

/**
 * Reads a table about which nothing is known.
 * @param chooseTraining returns the rows from which means and standard deviations are computed
 * @throws TandemError `data-table`, naming the row and column that cannot be used
 */
export function learnTable(
  file: string,
  { label, labelKind }: Pick<DataOptions, "label" | "labelKind">,
  chooseTraining: (targets: Labels["targets"]) => Uint32Array,
): Promise<TableRows> {
  return readFile(file, async (header, rows, digest) => {
    const labelPlace = findLabel(file, header, label, refuseTable);
    const labelName = header[labelPlace]!;
    const unknown = header.map(
      (name) => new UnknownColumn(name, (sentence) => refuseTable(file, sentence)),
    );
    for await (const cells of rows) unknown.forEach((column, place) => column.add(cells[place]!));
    const labels = learnLabels(file, labelName, unknown[labelPlace]!, labelKind, refuseTable);
    const columns = unknown.flatMap((column, place) =>
      place === labelPlace ? [] : [{ name: header[place]!, values: column.finish() }],
    );
    const { target, targets, classNames } = labels;
    const spec = {
      columns: learnColumns(file, columns, chooseTraining(targets)),
      label: labelName,
    };
    return {
      knowledge: { spec, target, classNames },
      values: columns.map(({ values }) => values.values),
      targets,
      digest: digest(),
    };
  });
}

interface NamedColumn {
  name: string;
  values: ColumnValues;
}

function learnColumns(
  file: string,
  columns: readonly NamedColumn[],
  training: Uint32Array,
): TableColumn[] {
  if (columns.length === 0) refuseTable(file, "it has no column besides the label.");
  for (const column of columns) checkCategories(file, column);
  const count = columns.reduce((sum, column) => sum + categoryCount(column), 0);
  if (count > MAX_CATEGORIES) {
    const largest = columns.toSorted((a, b) => categoryCount(b) - categoryCount(a))[0]!;
    refuseTable(
      file,
      `its columns of texts have ${count} categories together, ${categoryCount(largest)} of them in ${quote(largest.name)}, but at most ${MAX_CATEGORIES} are supported. Remove that column.`,
    );
  }
  return columns.map(({ name, values }) =>
    values.kind === "number"
      ? { name, kind: "number", ...standardise(values.values, training) }
      : { name, kind: "category", categories: [...values.categories] },
  );
}

/** Refuses columns of missing values, and columns in which most rows have a different text. */
function checkCategories(file: string, { name, values }: NamedColumn): void {
  if (values.kind === "number") return;
  const { categories } = values;
  if (categories.every(isMissing)) {
    refuseTable(
      file,
      `column ${quote(name)} contains nothing but ${listNames(categories)}, which stands for missing values. Remove the column.`,
    );
  }
  if (!areNearlyUnique(values)) return;
  refuseTable(
    file,
    `column ${quote(name)} contains ${categories.length} different texts in ${values.values.length} rows, most of them in one row only: too many for categories. Remove the column.`,
  );
}

function categoryCount({ values }: NamedColumn): number {
  return values.kind === "category" ? values.categories.length : 0;
}

/** @param read must read all rows; there is at least one */
function readFile<Result>(
  file: string,
  read: (
    header: readonly string[],
    rows: AsyncIterable<readonly string[]>,
    digest: () => string,
  ) => Promise<Result>,
): Promise<Result> {
  const hash = createHash("sha256");
  const onBytes = (bytes: Uint8Array) => hash.update(bytes);
  return readTableText(file, { refuse: refuseTable, onBytes }, ({ header, rows }) => {
    if (!header) {
      return refuseTable(
        file,
        "its first row contains numbers. Give a table with a header, which is a first row with the columns' names.",
      );
    }
    return read(header, countRows(file, header.length, rows), () => hash.digest("hex"));
  });
}

async function* countRows(
  file: string,
  columnCount: number,
  rows: AsyncIterable<readonly string[]>,
): AsyncGenerator<readonly string[], undefined> {
  let count = 0;
  for await (const cells of rows) {
    if (++count * columnCount > MAX_CELLS) {
      refuseTable(
        file,
        `it has more than ${MAX_CELLS} cells, which is too much for memory. Give the data as NPY.`,
      );
    }
    yield cells;
  }
  if (count === 0) refuseTable(file, "it has a header but no rows.");
  return undefined;
}
