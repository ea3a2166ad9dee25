// Chooses the shape that the pictures of a folder are decoded to, and describes them for the user. Pure.
import { formatShape } from "../../../network/problem.js";
import type { DataSource } from "../../samples.js";
import type { Refuse } from "../bad-data.js";
import type { DataOptions } from "../data-kind.js";
import { isPictureShape, type PictureHeader, type PictureShape } from "./picture-kinds.js";

export type ShapeOptions = Pick<DataOptions, "pictureSize" | "inputShape" | "known">;

/** Where the test pictures come from: drawn, from the folder `test`, or `all` pictures of a folder that was not trained on. */
export type SplitKind = "drawn" | "folder" | "all";

/**
 * One channel if all pictures are grey, else three.
 * @throws what `refuse` throws, if the pictures have different sizes and none was specified
 */
export function chooseShape(
  folder: string,
  headers: readonly PictureHeader[],
  { pictureSize: size, inputShape, known }: ShapeOptions,
  refuse: Refuse,
): PictureShape {
  const channels = headers.every(({ isGrey }) => isGrey) ? 1 : 3;
  const networkShape = known?.network.inputShape ?? inputShape;
  const requested = size ? [size[0], size[1], size[2] ?? channels] : networkShape;
  if (requested !== undefined && isPictureShape(requested)) return requested;
  if (size) {
    refuse(
      folder,
      `--picture-size: pictures cannot be resized to ${formatShape(requested ?? [])}.`,
    );
  }
  const [smallest, largest] = sizeRange(headers);
  if (smallest !== largest) {
    refuse(
      folder,
      `its pictures have different sizes, from ${smallest} to ${largest}. Choose one, such as --picture-size 64x64.`,
    );
  }
  const { height, width } = headers[0]!;
  const shape: readonly number[] = [height, width, channels];
  if (isPictureShape(shape)) return shape;
  return refuse(
    folder,
    `its pictures of ${largest} are too large to train on. Choose a smaller size, such as --picture-size 224x224.`,
  );
}

/** The sizes with the fewest and the most pixels, as height × width. */
function sizeRange(headers: readonly PictureHeader[]): [smallest: string, largest: string] {
  const sizes = new Map(headers.map((header) => [`${header.height}x${header.width}`, header]));
  const sorted = [...sizes].toSorted(([, a], [, b]) => a.height * a.width - b.height * b.width);
  return [sorted[0]![0], sorted.at(-1)![0]];
}

type Described = Pick<DataSource, "inputShape" | "target" | "training" | "validation" | "test">;

/** In one line. */
export function describePictures(
  { inputShape, target, training, validation, test }: Described,
  headers: readonly PictureHeader[],
  split: SplitKind,
): string {
  const [smallest, largest] = sizeRange(headers);
  const isResized = smallest !== largest || smallest !== `${inputShape[0]}x${inputShape[1]}`;
  const kind = inputShape[2] === 1 ? "grey" : "RGB";
  const sizes = isResized
    ? `, resized from ${smallest === largest ? smallest : `${smallest} … ${largest}`}`
    : "";
  const format = (count: number) => count.toLocaleString("en");
  const pictures = `${kind} pictures of ${inputShape[0]}x${inputShape[1]}${sizes}, ${format(target.count)} classes`;
  if (split === "all") return `${pictures}: ${format(test.count)} test pictures`;
  const counts = `${format(training.count)} training, ${format(validation.count)} validation, ${format(test.count)} test pictures`;
  return `${pictures}: ${counts}${split === "drawn" ? " (a fifth of each class, drawn with a fixed seed)" : ""}`;
}
