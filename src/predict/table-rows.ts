// Converts the rows of a table to the network's inputs. If the network was trained on a table, columns are matched by name and
// encoded as in training; otherwise each row must contain one number per input value.
import { KnownColumns, checkRange, TableSet } from "../shared/data/files/tables/table-rows.js";
import { fitsFloat32, isNumber } from "../shared/data/files/tables/table-cells.js";
import { readTableText, type TableText } from "../shared/data/files/tables/table-text.js";
import type { TableSpec } from "../shared/data/table.js";
import { sizeOf } from "../shared/network/network.js";
import { quote } from "../shared/network/problem.js";
import { checkRowCount, type InputKind, refuseInput, type SampleInput } from "./sample-input.js";

/**
 * @param label the column of targets, which is skipped. If the network was trained on a table, all columns that it does not use are
 * skipped
 * @throws TandemError `predict-input`, naming file, row and column
 */
export async function readTable(
  file: string,
  kind: InputKind,
  label: string | undefined,
): Promise<SampleInput[]> {
  const samples = await readTableText(file, { refuse: refuseInput }, (text) => {
    const skipped = skippedColumn(file, text.header, label);
    if (kind.table) return readKnownRows(file, text, kind.table);
    return readNumbers(file, text, kind, skipped);
  });
  if (samples.length === 0) refuseInput(file, "it has a header but no rows.");
  return samples;
}

async function readKnownRows(
  file: string,
  { header, rows }: TableText,
  spec: TableSpec,
): Promise<SampleInput[]> {
  if (!header) {
    refuseInput(file, "it has no header, but the network needs the columns' names.");
  }
  const columns = new KnownColumns(file, header, spec, refuseInput);
  let count = 0;
  for await (const cells of rows) {
    columns.add(cells);
    checkRowCount(file, ++count);
  }
  const values = columns.finish();
  checkRange(file, spec, values, refuseInput);
  const all = Uint32Array.from({ length: count }, (_, row) => row);
  const set = new TableSet(spec, values, new Int32Array(count), all);
  // Each row is encoded only when it is needed: a single category column may become a thousand inputs.
  return Array.from(all, (row) => ({
    ...{ file, row: row + 1 },
    get values() {
      return set.gather(Uint32Array.of(row)).inputs;
    },
  }));
}

async function readNumbers(
  file: string,
  { rows }: TableText,
  kind: InputKind,
  skipped: number | undefined,
): Promise<SampleInput[]> {
  const samples: SampleInput[] = [];
  for await (const cells of rows) {
    const row = samples.length + 1;
    checkRowCount(file, row);
    const numbers = cells.filter((_, column) => column !== skipped);
    checkCount(file, row, numbers.length, kind);
    const values = numbers.map((cell, column) => readNumber(file, row, column + 1, cell, kind));
    samples.push({ file, row, values: toArray(values, kind) });
  }
  return samples;
}

function skippedColumn(
  file: string,
  header: readonly string[] | undefined,
  label: string | undefined,
): number | undefined {
  if (label === undefined) return undefined;
  const column = header?.indexOf(label) ?? -1;
  if (column >= 0) return column;
  return refuseInput(file, `its header has no column ${quote(label)} (--label).`);
}

function checkCount(file: string, row: number, count: number, { shape }: InputKind): void {
  const expected = sizeOf(shape);
  if (count === expected) return;
  const hint =
    count === expected + 1 ? " Use --label to name the column that is not an input." : "";
  refuseInput(file, `row ${row} has ${count} values, but the network expects ${expected}.${hint}`);
}

function readNumber(
  file: string,
  row: number,
  column: number,
  cell: string,
  { type }: InputKind,
): number {
  const at = `row ${row}, value ${column}`;
  if (cell === "") refuseInput(file, `${at} is missing.`);
  if (!isNumber(cell)) refuseInput(file, `${at} is ${quote(cell)}, which is not a number.`);
  const value = Number(cell);
  if (type === "uint8" && !(Number.isInteger(value) && value >= 0 && value <= 255)) {
    refuseInput(
      file,
      `${at} is ${quote(cell)}, but the network expects whole numbers from 0 to 255.`,
    );
  }
  if (!fitsFloat32(value)) refuseInput(file, `${at} is ${quote(cell)}, which is too large.`);
  return value;
}

function toArray(values: readonly number[], { type }: InputKind): Uint8Array | Float32Array {
  return type === "uint8" ? Uint8Array.from(values) : Float32Array.from(values);
}
