// A picture of any size and format → the network's input pixels, decoded as in training.
import { readFile } from "node:fs/promises";
import { decodePicture, readPictureHeader } from "../shared/data/files/pictures/picture-decoder.js";
import type { PictureShape } from "../shared/data/files/pictures/picture-kinds.js";
import { messageOf, TandemError } from "../shared/errors.js";
import { refuseInput } from "./sample-input.js";

export interface PictureOptions {
  shape: PictureShape;
  /** Inverts the picture: for dark ink on light paper, if the network was trained on light strokes on black, as in MNIST. */
  invert: boolean;
}

/**
 * @returns the pixels row by row, with each pixel's channels side by side
 * @throws TandemError `predict-input`, naming the file; `pictures-unavailable` if sharp cannot be loaded
 */
export async function readPicture(
  file: string,
  { shape, invert }: PictureOptions,
): Promise<Uint8Array> {
  try {
    const bytes = await readFile(file);
    await readPictureHeader(bytes); // throws if it is not a picture
    const pixels = await decodePicture(bytes, shape);
    return invert ? pixels.map((value) => 255 - value) : pixels;
  } catch (error) {
    if (error instanceof TandemError) throw error;
    return refuseInput(file, `it cannot be read as a picture (${messageOf(error)}).`, error);
  }
}
