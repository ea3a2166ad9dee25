// A file → the samples in it: a picture, the samples of an IDX or NPY file, or the rows of a table, by what the network takes and by what
// the file is.
import { isArrayFile, readArraySamples } from "./array-samples.js";
import { readPicture } from "./pictures.js";
import { type InputKind, pictureShape, type SampleInput } from "./sample-input.js";
import { readTable } from "./table-rows.js";

export interface ReadOptions {
  /** Pictures and images of IDX and NPY files: black becomes white. */
  invert: boolean;
  /** A table's column that is no input. */
  label?: string | undefined;
}

/** @throws TandemError with exit code 2, naming the file */
export async function readSamples(
  file: string,
  kind: InputKind,
  options: ReadOptions,
): Promise<SampleInput[]> {
  if (isArrayFile(file)) return readArraySamples(file, kind, options.invert);
  const shape = pictureShape(kind);
  if (!shape) return readTable(file, kind, options.label);
  return [{ file, values: await readPicture(file, { shape, invert: options.invert }) }];
}
