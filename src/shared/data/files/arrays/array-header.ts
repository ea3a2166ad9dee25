// The header of an array file, independent of its format, and errors for invalid headers. Pure.
import { TandemError } from "../../../errors.js";
import { type ValueType } from "./value-type.js";

export interface ArrayHeader {
  type: ValueType;
  /** Of the whole array; the first side is the number of samples. */
  shape: readonly number[];
  /** Position of the first value. */
  byteOffset: number;
}

/** The most sides of an array of samples: one more than those of a sample (network/limits.ts). */
export const MAX_SIDES = 4;

/** @throws TandemError `data-file-damaged` if the file's length does not match its header */
export function checkLength(file: string, header: ArrayHeader, byteLength: number): void {
  const { shape, type, byteOffset } = header;
  const valueCount = shape.reduce((product, side) => product * side, 1);
  const expected = byteOffset + valueCount * type.byteLength;
  if (byteLength === expected) return;
  const verb = byteLength < expected ? "cut short" : "longer than its header says";
  throw damagedArray(
    file,
    `${verb}: ${byteLength} bytes, but the header (${shape.join(" × ")}) requires ${expected}`,
  );
}

/** Ends each message of `damagedArray`. It applies to data sets; other readers of arrays remove it. */
export const DAMAGED_ARRAY_ADVICE =
  " Download or write the file again, or give other data with --data.";

export function damagedArray(file: string, what: string, cause?: unknown): TandemError {
  return new TandemError("data-file-damaged", `${file}: ${what}.${DAMAGED_ARRAY_ADVICE}`, {
    cause,
  });
}
