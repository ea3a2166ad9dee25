// What `predict` is given: samples from pictures, IDX files and tables, in the form that the network takes. Pure.
import { type Refuse, refuseWith } from "../shared/data/files/bad-data.js";
import type { TableSpec } from "../shared/data/table.js";
import { isPictureShape, type PictureShape } from "../shared/data/files/picture-kinds.js";

/** One sample, and where it is from. */
export interface SampleInput {
  file: string;
  /** Its number in a file of several, from 1: a row of a table without its header, an image of an IDX file. */
  row?: number;
  values: Uint8Array | Float32Array;
}

/** What the network takes. */
export interface InputKind {
  shape: readonly number[];
  type: "uint8" | "float32";
  /** Where it was trained on a table: how a row becomes an input. */
  table?: TableSpec | undefined;
}

/** Larger files are no pictures and tables to classify by hand. */
export const MAX_FILE_BYTES = 2 ** 28;

/** A file's rows are in memory while they are predicted. */
export const MAX_ROWS = 1_000_000;

/** @throws TandemError `predict-input` */
export function checkRowCount(file: string, count: number): void {
  if (count <= MAX_ROWS) return;
  refuseInput(file, `it has more than ${MAX_ROWS} samples. Divide it into several files.`);
}

/** Throws a TandemError `predict-input`, naming the file. */
export const refuseInput: Refuse = refuseWith("predict-input");

/** Height, width and channels of pictures that the network takes; undefined where it takes none. */
export function pictureShape({ shape, type }: InputKind): PictureShape | undefined {
  return type === "uint8" && isPictureShape(shape) ? shape : undefined;
}
