// Rows of a table with known columns, and how they become a network's inputs: numbers are standardised, categories one-hot encoded.
// Rows are stored unencoded and encoded when they are needed, as one category may become a thousand inputs. Pure.
import { quote } from "../../../network/problem.js";
import type { SampleSet, Samples } from "../../samples.js";
import type { TableColumn, TableSpec } from "../../table.js";
import { listNames, type Refuse } from "../bad-data.js";
import { fitsFloat32, GrowingValues, isMissing, isNumber } from "./table-cells.js";

/** For each column of a table's spec: numbers, or indices of categories, of all rows. */
export type RowValues = readonly (Float64Array | Int32Array)[];

/** Number of inputs per row. */
export function inputSize({ columns }: TableSpec): number {
  return columns.reduce((sum, column) => sum + widthOf(column), 0);
}

function widthOf(column: TableColumn): number {
  return column.kind === "number" ? 1 : column.categories.length;
}

/**
 * Mean and standard deviation of a column over some rows, in float64. The standard deviation is the population's (divided by n);
 * for a constant column it is replaced by 1.
 */
export function standardise(
  values: Float64Array,
  rows: Uint32Array,
): { mean: number; scale: number } {
  const first = values[rows[0] ?? 0] ?? 0;
  if (rows.every((row) => values[row] === first)) return { mean: first, scale: 1 };
  let sum = 0;
  for (const row of rows) sum += values[row]!;
  const mean = sum / rows.length;
  let squares = 0;
  for (const row of rows) squares += (values[row]! - mean) * (values[row]! - mean);
  const scale = Math.sqrt(squares / rows.length);
  return { mean, scale: scale > 0 ? scale : 1 };
}

/** Some rows of a table as samples. */
export class TableSet implements SampleSet {
  private readonly spec: TableSpec;
  private readonly values: RowValues;
  private readonly targets: Int32Array | Float32Array;
  private readonly rows: Uint32Array;
  private readonly size: number;

  /** @param rows of `values` and `targets` that are the samples, in this order */
  constructor(
    spec: TableSpec,
    values: RowValues,
    targets: Int32Array | Float32Array,
    rows: Uint32Array,
  ) {
    this.spec = spec;
    this.values = values;
    this.targets = targets;
    this.rows = rows;
    this.size = inputSize(spec);
  }

  get count(): number {
    return this.rows.length;
  }

  gather(indices: Uint32Array): Samples {
    const count = indices.length;
    const inputs = new Float32Array(count * this.size);
    const targets =
      this.targets instanceof Float32Array ? new Float32Array(count) : new Int32Array(count);
    indices.forEach((index, sample) => {
      const row = this.rows[index]!;
      encodeRow(this.spec, this.values, row, inputs, sample * this.size);
      targets[sample] = this.targets[row]!;
    });
    return { count, inputs, targets };
  }
}

function encodeRow(
  { columns }: TableSpec,
  values: RowValues,
  row: number,
  inputs: Float32Array,
  offset: number,
): void {
  let place = offset;
  for (const [index, column] of columns.entries()) {
    const value = values[index]![row]!;
    if (column.kind === "number") inputs[place] = (value - column.mean) / column.scale;
    else inputs[place + value] = 1;
    place += widthOf(column);
  }
}

/** @throws what `refuse` throws, if a number is so far from those of the training set that its input is infinite */
export function checkRange(
  file: string,
  { columns }: TableSpec,
  values: RowValues,
  refuse: Refuse,
): void {
  for (const [index, column] of columns.entries()) {
    if (column.kind !== "number") continue;
    const row = values[index]!.findIndex(
      (value) => !fitsFloat32((value - column.mean) / column.scale),
    );
    if (row < 0) continue;
    const value = values[index]![row]!;
    refuse(
      file,
      `row ${row + 1}, column ${quote(column.name)}: ${value} is too far from the numbers of the training set.`,
    );
  }
}

/** Collects the values of rows of text, according to a spec. */
export class KnownColumns {
  private readonly file: string;
  private readonly refuse: Refuse;
  private readonly columns: readonly KnownColumn[];
  private rowCount = 0;

  /** @throws what `refuse` throws, if a column is missing */
  constructor(file: string, header: readonly string[], spec: TableSpec, refuse: Refuse) {
    this.file = file;
    this.refuse = refuse;
    const missing = spec.columns.map(({ name }) => name).filter((name) => !header.includes(name));
    if (missing.length > 0) {
      const columns = missing.length === 1 ? "column" : "columns";
      refuse(
        file,
        `it lacks the ${columns} ${listNames(missing)} of the table that was trained on.`,
      );
    }
    this.columns = spec.columns.map((column) => openColumn(column, header.indexOf(column.name)));
  }

  add(cells: readonly string[]): void {
    this.rowCount++;
    for (const column of this.columns) {
      const cell = cells[column.place]!;
      const value = column.kind === "number" ? numberOf(cell) : column.places.get(cell);
      if (value === undefined) this.refuseCell(column, cell);
      else column.values.push(value);
    }
  }

  finish(): RowValues {
    return this.columns.map(({ values }) => values.finish());
  }

  private refuseCell({ name, kind }: KnownColumn, cell: string): never {
    const place = `row ${this.rowCount}, column ${quote(name)}`;
    if (cell === "") return this.refuse(this.file, `${place}: the cell is empty.`);
    if (kind === "category") {
      return this.refuse(
        this.file,
        `${place}: ${quote(cell)} is not a category of the table that was trained on.`,
      );
    }
    const isTooLarge = isNumber(cell);
    const problem = isMissing(cell) ? "stands for a missing value" : "is not a number";
    return this.refuse(
      this.file,
      `${place}: ${quote(cell)} ${isTooLarge ? "is too large a number" : problem}.`,
    );
  }
}

type KnownColumn = { name: string; place: number } & (
  | { kind: "number"; values: GrowingValues<Float64Array> }
  | { kind: "category"; values: GrowingValues<Int32Array>; places: ReadonlyMap<string, number> }
);

function openColumn(column: TableColumn, place: number): KnownColumn {
  const { name } = column;
  if (column.kind === "number") {
    const values = new GrowingValues((length) => new Float64Array(length));
    return { name, place, kind: "number", values };
  }
  const values = new GrowingValues((length) => new Int32Array(length));
  const places = new Map(column.categories.map((category, index) => [category, index]));
  return { name, place, kind: "category", values, places };
}

function numberOf(cell: string): number | undefined {
  return isNumber(cell) && fitsFloat32(Number(cell)) ? Number(cell) : undefined;
}
