// Pictures of any size and kind → pixels, decoded and resized by sharp (libvips); the same for training and for predictions. sharp is
// loaded with the first picture: all else works without it.
import type { Sharp } from "sharp";
import { messageOf, TandemError } from "../../../errors.js";
import type { PictureHeader, PictureShape } from "./picture-kinds.js";

/** What sharp decodes on every platform, as it calls it. A name may lie, and files of other formats, such as SVG, refer to others. */
const FORMATS: readonly string[] = ["png", "jpeg", "webp", "gif", "tiff", "heif"];

/** Of one picture before it is resized: 16,384 × 16,384. */
const MAX_PIXELS = 2 ** 28;
let loaded: Promise<typeof import("sharp").default> | undefined;

/**
 * @throws Error with a short message where it is no picture or a too large one; TandemError `pictures-unavailable` where sharp cannot
 * be loaded
 */
export async function readPictureHeader(bytes: Uint8Array): Promise<PictureHeader> {
  const picture = await openPicture(bytes);
  const { format, autoOrient, channels, space } = await attempt(picture.metadata());
  if (!FORMATS.includes(format)) throw new Error(`it is of the format ${format}`);
  const isGrey = channels <= 2 || space === "b-w" || space === "grey16";
  return { ...autoOrient, isGrey };
}

/**
 * The pixels row by row, channels together. Turned as its camera says, stretched to the shape, on white where it is transparent.
 * Pixels of a picture that has the shape are unchanged.
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

/** libvips's messages have several lines. */
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
      `Pictures are decoded by the package sharp, which cannot be loaded here (${messageOf(error).trim().split("\n")[0]}). Install it with \`npm install sharp\`, or give the pictures as an IDX file.`,
      { cause: error },
    );
  }
}
