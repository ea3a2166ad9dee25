// Decodes and resizes pictures with sharp (libvips), in the same way for training and predictions. sharp is loaded with the first
// picture, so that everything else works without it.
import type { Sharp } from "sharp";
import { messageOf, TandemError } from "../../../errors.js";
import type { PictureHeader, PictureShape } from "./picture-kinds.js";

/** Formats that sharp decodes on every platform. Checked, because a file's name may be wrong, and SVG files may refer to other files. */
const FORMATS: readonly string[] = ["png", "jpeg", "webp", "gif", "tiff", "heif"];

/** Limit for a picture before it is resized: 16,384 × 16,384. */
const MAX_PIXELS = 2 ** 28;
let loaded: Promise<typeof import("sharp").default> | undefined;

/**
 * @throws Error with a short message if it is not a picture or too large; TandemError `pictures-unavailable` if sharp cannot be
 * loaded
 */
export async function readPictureHeader(bytes: Uint8Array): Promise<PictureHeader> {
  const picture = await openPicture(bytes);
  const { format, autoOrient, channels, space } = await attempt(picture.metadata());
  if (!FORMATS.includes(format)) throw new Error(`its format is ${format}`);
  const isGrey = channels <= 2 || space === "b-w" || space === "grey16";
  return { ...autoOrient, isGrey };
}

/**
 * The pixels in row-major order with interleaved channels: rotated as the metadata say, stretched to the shape, and on a white
 * background. A picture that has the shape already is not resampled.
 * @throws as `readPictureHeader`
 */
export async function decodePicture(bytes: Uint8Array, shape: PictureShape): Promise<Uint8Array> {
  const [height, width, channels] = shape;
  const picture = (await openPicture(bytes))
    .autoOrient()
    .resize(width, height, { fit: "fill" })
    .flatten({ background: "#ffffff" })
    .toColourspace(channels === 1 ? "b-w" : "srgb");
  if (channels === 1) picture.greyscale();
  const { data, info } = await attempt(picture.raw().toBuffer({ resolveWithObject: true }));
  if (info.channels !== channels) throw new Error(`it has ${info.channels} channels`);
  return data;
}

async function openPicture(bytes: Uint8Array): Promise<Sharp> {
  const sharp = await (loaded ??= loadSharp());
  return sharp(bytes, { failOn: "error", limitInputPixels: MAX_PIXELS });
}

/** Shortens libvips's messages to their first line. */
async function attempt<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new Error(messageOf(error).trim().split("\n")[0], { cause: error });
  }
}

async function loadSharp(): Promise<typeof import("sharp").default> {
  try {
    return (await import("sharp")).default;
  } catch (error) {
    throw new TandemError(
      "pictures-unavailable",
      `Pictures are decoded with the package sharp, which cannot be loaded (${messageOf(error).trim().split("\n")[0]}). Install it with \`npm install sharp\`, or give the pictures as an IDX file.`,
      { cause: error },
    );
  }
}
