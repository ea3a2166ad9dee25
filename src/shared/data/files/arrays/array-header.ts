// What the header of an array file says, whatever its format; and the refusal of files whose header cannot be right. Pure.
import { TandemError } from "../../../errors.js";
import { type ValueType } from "./value-type.js";

export interface ArrayHeader {
  type: ValueType;
  /** Of the whole array; the first side counts the samples. */
  shape: readonly number[];
  /** Where the values begin. */
  byteOffset: number;
}

/** Sides of an array of samples: one more than those of a sample (network/limits.ts). */
export const MAX_SIDES = 4;

/** @throws TandemError `data-file-damaged` where the file's length is not the one that its header asks for */
export function checkLength(file: string, header: ArrayHeader, byteLength: number): void {
  const { shape, type, byteOffset } = header;
  const valueCount = shape.reduce((product, side) => product * side, 1);
  const expected = byteOffset + valueCount * type.byteLength;
  if (byteLength === expected) return;
  const verb = byteLength < expected ? "cut short" : "longer than its header says";
  throw damagedArray(
    file,
    `${verb}: ${byteLength} bytes, the header (${shape.join(" × ")}) asks for ${expected}`,
  );
}

export function damagedArray(file: string, what: string, cause?: unknown): TandemError {
  return new TandemError(
    "data-file-damaged",
    `${file}: ${what}. Fetch or write the file again, or give other data with --data.`,
    { cause },
  );
}
