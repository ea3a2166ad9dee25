// Rows of a table (CSV as in RFC 4180, or with tabs) as the network's inputs: one number per value. Pure.
import type { InputKind, SampleInput } from "./sample-input.js";
import { refuseInput } from "./sample-input.js";
import { sizeOf } from "../shared/network/network.js";
import { quote } from "../shared/network/problem.js";

/**
 * @param text with or without a header, which is a first line with a cell that is no number
 * @param label the header's column of targets, which is skipped
 * @throws TandemError `predict-input`, naming file, row and column
 */
export function readTable(
  file: string,
  text: string,
  kind: InputKind,
  label: string | undefined,
): SampleInput[] {
  const lines = splitRecords(text.replace(/^\ufeff/, ""));
  const [first] = lines;
  if (first === undefined) refuseInput(file, "it has no rows.");
  const delimiter = first.includes("\t") ? "\t" : ",";
  const cells = splitCells(first, delimiter);
  const header = cells.some((cell) => !isNumber(cell)) ? cells : undefined;
  const skipped = skippedColumn(file, header, label);
  const rows = header ? lines.slice(1) : lines;
  if (rows.length === 0) refuseInput(file, "it has a header and no rows.");
  return rows.map((line, index) => {
    const row = index + 1;
    const found = splitCells(line, delimiter);
    const numbers = found.filter((_, column) => column !== skipped);
    checkCount(file, row, numbers.length, kind);
    const values = numbers.map((cell, column) => readNumber(file, row, column + 1, cell, kind));
    return { file, row, values: toArray(values, kind) };
  });
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
  const hint = count === expected + 1 ? " Name the column that is no input with --label." : "";
  refuseInput(file, `row ${row} has ${count} values, and the network takes ${expected}.${hint}`);
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
  if (!isNumber(cell)) refuseInput(file, `${at} is ${quote(cell)}, which is no number.`);
  const value = Number(cell);
  if (type === "uint8" && !(Number.isInteger(value) && value >= 0 && value <= 255)) {
    refuseInput(
      file,
      `${at} is ${quote(cell)}, and the network takes whole numbers from 0 to 255.`,
    );
  }
  if (!Number.isFinite(Math.fround(value)))
    refuseInput(file, `${at} is ${quote(cell)}: too large.`);
  return value;
}

/** Decimal numbers, and no `0x10`, `Infinity` or empty cells, which JavaScript takes for numbers. */
function isNumber(cell: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell);
}

function toArray(values: readonly number[], { type }: InputKind): Uint8Array | Float32Array {
  return type === "uint8" ? Uint8Array.from(values) : Float32Array.from(values);
}

/** Lines, without empty ones; a line feed inside of quotes is part of its cell. */
function splitRecords(text: string): string[] {
  const records: string[] = [];
  let pending = "";
  for (const line of text.split(/\r?\n/)) {
    pending = pending === "" ? line : `${pending}\n${line}`;
    const isOpen = (pending.split('"').length - 1) % 2 === 1;
    if (isOpen) continue;
    if (pending.trim() !== "") records.push(pending);
    pending = "";
  }
  if (pending.trim() !== "") records.push(pending);
  return records;
}

function splitCells(record: string, delimiter: string): string[] {
  if (!record.includes('"')) return record.split(delimiter).map((cell) => cell.trim());
  const cells: string[] = [];
  let [cell, isQuoted] = ["", false];
  for (let at = 0; at < record.length; at++) {
    const character = record[at]!;
    if (character === '"' && isQuoted && record[at + 1] === '"') {
      cell += '"';
      at++;
    } else if (character === '"') isQuoted = !isQuoted;
    else if (character === delimiter && !isQuoted) {
      cells.push(cell.trim());
      cell = "";
    } else cell += character;
  }
  return [...cells, cell.trim()];
}
