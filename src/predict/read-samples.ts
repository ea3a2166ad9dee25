// A file → the samples in it: a picture, the images of an IDX file, or the rows of a table, by what the network takes and by what
// the file is.
import { readFile } from "node:fs/promises";
import { beginningOf } from "../shared/checkpoint/output-file.js";
import { parseImages, unzipped } from "../shared/data/files/idx.js";
import { messageOf, TandemError } from "../shared/errors.js";
import { formatShape } from "../shared/network/problem.js";
import { readPicture } from "./pictures.js";
import { type InputKind, pictureShape, refuseInput, type SampleInput } from "./sample-input.js";
import { readTable } from "./table-rows.js";

export interface ReadOptions {
  /** Pictures and images of IDX files: black becomes white. */
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
  const shape = pictureShape(kind);
  if (!shape) return readTable(file, kind, options.label);
  if (isIdx(file)) return readIdx(file, shape, options);
  return [{ file, values: await readPicture(file, { shape, invert: options.invert }) }];
}

/** IDX begins with two zeros, gzip with 1f 8b; no picture does. */
function isIdx(file: string): boolean {
  const beginning = beginningOf(file, 3);
  return beginning === "\0\0\b" || beginning.startsWith("\x1f\x8b");
}

async function readIdx(
  file: string,
  shape: readonly [number, number, 1 | 3],
  { invert }: ReadOptions,
): Promise<SampleInput[]> {
  let images: ReturnType<typeof parseImages>;
  try {
    images = parseImages(file, unzipped(file, await readFile(file)));
  } catch (error) {
    // Its sentence ends with advice for data folders.
    const reason = messageOf(error).replace(/\. Fetch the file again.*$/, "");
    throw new TandemError("predict-input", `${reason}.`, { cause: error });
  }
  const { count, height, width, pixels } = images;
  if (height !== shape[0] || width !== shape[1] || shape[2] !== 1) {
    const found = formatShape([height, width, 1]);
    refuseInput(file, `its images are ${found}, and the network takes ${formatShape(shape)}.`);
  }
  const size = height * width;
  return Array.from({ length: count }, (_, index) => {
    const values = pixels.subarray(index * size, (index + 1) * size);
    return { file, row: index + 1, values: invert ? values.map((value) => 255 - value) : values };
  });
}
