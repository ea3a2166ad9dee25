// Pictures of any size and kind, decoded and resized by sharp (libvips). sharp is loaded when the first picture is: all else works
// without it.
import { readFile } from "node:fs/promises";
import { messageOf, TandemError } from "../shared/errors.js";
import { refuseInput } from "./sample-input.js";

/** Names of what sharp decodes on every platform. */
const PICTURE_NAME = /\.(png|jpe?g|webp|gif|tiff?|avif)$/i;

/** Of one decoded picture: 16,384 × 16,384. */
const MAX_PIXELS = 2 ** 28;

export interface PictureOptions {
  /** 1: grey, 3: RGB */
  shape: readonly [height: number, width: number, channels: 1 | 3];
  /** Black becomes white: networks for light strokes on black, such as MNIST's, and pictures of ink on paper. */
  invert: boolean;
}

type Sharp = typeof import("sharp").default;
let loaded: Promise<Sharp> | undefined;

export function isPictureName(name: string): boolean {
  return PICTURE_NAME.test(name);
}

/**
 * The pixels row by row, channels together. Turned as its camera says, stretched to the shape, on white where it is transparent.
 * @throws TandemError `predict-input`, naming the file; `pictures-unavailable` where sharp cannot be loaded
 */
export async function readPicture(file: string, options: PictureOptions): Promise<Uint8Array> {
  const sharp = await (loaded ??= loadSharp());
  const [height, width, channels] = options.shape;
  try {
    const bytes = await readFile(file);
    const picture = sharp(bytes, { failOn: "error", limitInputPixels: MAX_PIXELS })
      .autoOrient()
      .resize(width, height, { fit: "fill" })
      .flatten({ background: "#ffffff" })
      .toColourspace(channels === 1 ? "b-w" : "srgb");
    if (channels === 1) picture.greyscale();
    const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
    if (info.channels !== channels) throw new Error(`it has ${info.channels} channels`);
    return options.invert ? data.map((value) => 255 - value) : data;
  } catch (error) {
    const reason = messageOf(error).split("\n")[0];
    return refuseInput(file, `it is no picture that can be read (${reason}).`, error);
  }
}

async function loadSharp(): Promise<Sharp> {
  try {
    return (await import("sharp")).default;
  } catch (error) {
    throw new TandemError(
      "pictures-unavailable",
      `Pictures are decoded by the package sharp, which cannot be loaded here (${messageOf(error).trim().split("\n")[0]}). Install it with \`npm install sharp\`, or give the pictures as an IDX file.`,
      { cause: error },
    );
  }
}
