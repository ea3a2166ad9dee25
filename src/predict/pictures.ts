// A picture of any size and kind → the pixels that the network takes, decoded as for training.
import { readFile } from "node:fs/promises";
import { decodePicture, readPictureHeader } from "../shared/data/files/pictures/picture-decoder.js";
import type { PictureShape } from "../shared/data/files/pictures/picture-kinds.js";
import { messageOf, TandemError } from "../shared/errors.js";
import { refuseInput } from "./sample-input.js";

export interface PictureOptions {
  shape: PictureShape;
  /** Black becomes white: networks for light strokes on black, such as MNIST's, and pictures of ink on paper. */
  invert: boolean;
}

/**
 * The pixels row by row, channels together.
 * @throws TandemError `predict-input`, naming the file; `pictures-unavailable` where sharp cannot be loaded
 */
export async function readPicture(
  file: string,
  { shape, invert }: PictureOptions,
): Promise<Uint8Array> {
  try {
    const bytes = await readFile(file);
    await readPictureHeader(bytes); // refuses what is no picture
    const pixels = await decodePicture(bytes, shape);
    return invert ? pixels.map((value) => 255 - value) : pixels;
  } catch (error) {
    if (error instanceof TandemError) throw error;
    return refuseInput(file, `it is no picture that can be read (${messageOf(error)}).`, error);
  }
}
