// What `predict` is given: samples from pictures, IDX files and tables, in the form that the network takes. Pure.
import { sanitizeText } from "../shared/text.js";
import { TandemError } from "../shared/errors.js";

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
}

/** Larger files are no pictures and tables to classify by hand. */
export const MAX_FILE_BYTES = 2 ** 28;

const MAX_PATH_LENGTH = 300;

/** A path on one line, for messages and lists. */
export function pathText(path: string): string {
  return sanitizeText(path, MAX_PATH_LENGTH);
}

/** @throws TandemError `predict-input`, naming the file */
export function refuseInput(file: string, sentence: string, cause?: unknown): never {
  throw new TandemError("predict-input", `${pathText(file)}: ${sentence}`, { cause });
}

/** Height, width and channels of pictures that the network takes; undefined where it takes none. */
export function pictureShape({
  shape,
  type,
}: InputKind): readonly [number, number, 1 | 3] | undefined {
  const [height, width, channels] = shape;
  if (type !== "uint8" || height === undefined || width === undefined) return undefined;
  return channels === 1 || channels === 3 ? [height, width, channels] : undefined;
}
