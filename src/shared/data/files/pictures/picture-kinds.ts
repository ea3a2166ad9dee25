// File names of pictures, the shapes that they are decoded to, and what their headers contain. Pure.
import { MAX_SAMPLE_VALUES, MAX_SIDE } from "../../../network/limits.js";

/** The shape of decoded pixels. 1: grey, 3: RGB */
export type PictureShape = readonly [height: number, width: number, channels: 1 | 3];

/** As the user specifies it. Channels default to 1 if all pictures are grey, else 3. */
export type PictureSize = readonly [height: number, width: number, channels?: 1 | 3];

/** The metadata of a picture. */
export interface PictureHeader {
  /** After rotation as the metadata say. */
  height: number;
  width: number;
  isGrey: boolean;
}

/** Extensions of the formats that sharp decodes on every platform. */
const PICTURE_NAME = /\.(png|jpe?g|webp|gif|tiff?|avif)$/i;

/** Files that file managers create, such as macOS's `._cat.png`, which is not a picture despite its name. */
const IGNORED_NAME = /^(\..*|thumbs\.db|desktop\.ini|__macosx)$/i;

/** Larger files are refused. */
export const MAX_PICTURE_BYTES = 2 ** 28;

/** @param name with or without folders before it */
export function isPictureName(name: string): boolean {
  return PICTURE_NAME.test(name);
}

/** Whether a file or folder is ignored: hidden ones, and those of file managers. @param name without folders */
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
