// A file → its samples: a picture, the samples of an IDX or NPY file, or the rows of a table, depending on the file and the
// network's input.
import { isArrayFile, readArraySamples } from "./array-samples.js";
import { readPicture } from "./pictures.js";
import { type InputKind, pictureShape, type SampleInput } from "./sample-input.js";
import { readTable } from "./table-rows.js";

export interface ReadOptions {
  /** Inverts pictures and the images of IDX and NPY files. */
  invert: boolean;
  /** A table column that is not an input. */
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
