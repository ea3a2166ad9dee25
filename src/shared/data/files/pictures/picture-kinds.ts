// What pictures are: names of files, the shapes that they are decoded to, and what a header says. Pure.
import { MAX_SAMPLE_VALUES, MAX_SIDE } from "../../../network/limits.js";

/** Of decoded pixels. 1: grey, 3: RGB */
export type PictureShape = readonly [height: number, width: number, channels: 1 | 3];

/** As a user asks for it; without channels, by the pictures: 1 where all are grey, else 3. */
export type PictureSize = readonly [height: number, width: number, channels?: 1 | 3];

/** What a picture says about itself. */
export interface PictureHeader {
  /** Turned as its camera says. */
  height: number;
  width: number;
  isGrey: boolean;
}

/** Names of what sharp decodes on every platform. */
const PICTURE_NAME = /\.(png|jpe?g|webp|gif|tiff?|avif)$/i;

/** What file managers leave behind: macOS's `._cat.png` among them, which has a picture's name and is none. */
const IGNORED_NAME = /^(\..*|thumbs\.db|desktop\.ini|__macosx)$/i;

/** Larger files are no pictures to train on. */
export const MAX_PICTURE_BYTES = 2 ** 28;

/** @param name with or without folders before it */
export function isPictureName(name: string): boolean {
  return PICTURE_NAME.test(name);
}

/** Whether a file or folder is left alone: hidden ones, and those of file managers. @param name without folders before it */
export function isIgnoredName(name: string): boolean {
  return IGNORED_NAME.test(name);
}

/** Whether pictures can be decoded to this shape. */
export function isPictureShape(shape: readonly number[]): shape is PictureShape {
  const [height = 0, width = 0, channels = 0] = shape;
  return (
    shape.length === 3 &&
    [height, width].every((side) => Number.isInteger(side) && side >= 1 && side <= MAX_SIDE) &&
    (channels === 1 || channels === 3) &&
    height * width * channels <= MAX_SAMPLE_VALUES
  );
}
