// The samples that `predict` reads from pictures, IDX and NPY files and tables, in the form of the network's input. Pure.
import { type Refuse, refuseWith } from "../shared/data/files/bad-data.js";
import type { TableSpec } from "../shared/data/table.js";
import { isPictureShape, type PictureShape } from "../shared/data/files/pictures/picture-kinds.js";

/** A sample and its source. */
export interface SampleInput {
  file: string;
  /** The sample's number in a file of several, from 1; a table's header is not counted. */
  row?: number;
  values: Uint8Array | Float32Array;
}

/** The network's input. */
export interface InputKind {
  shape: readonly number[];
  type: "uint8" | "float32";
  /** If the network was trained on a table: how a row is encoded. */
  table?: TableSpec | undefined;
}

/** Larger files are unlikely to be pictures or tables that someone wants to classify by hand. */
export const MAX_FILE_BYTES = 2 ** 28;

/** All rows of a file are in memory while they are predicted. */
export const MAX_ROWS = 1_000_000;

/** @throws TandemError `predict-input` */
export function checkRowCount(file: string, count: number): void {
  if (count <= MAX_ROWS) return;
  refuseInput(file, `it has more than ${MAX_ROWS} samples. Split it into several files.`);
}

/** Throws a TandemError `predict-input`, naming the file. */
export const refuseInput: Refuse = refuseWith("predict-input");

/** Height, width and channels of the network's input pictures; undefined if its inputs are not pictures. */
export function pictureShape({ shape, type }: InputKind): PictureShape | undefined {
  return type === "uint8" && isPictureShape(shape) ? shape : undefined;
}
