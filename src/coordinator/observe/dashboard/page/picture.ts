// Grey and RGB pictures on canvases.
import type { PictureShape } from "../page-update.js";
import { createElement } from "./dom.js";

/** @param bytes row by row, with the channels of a pixel together */
export function createPicture(bytes: Uint8Array, shape: PictureShape): HTMLCanvasElement {
  const canvas = createElement("canvas");
  drawPicture(canvas, bytes, shape);
  return canvas;
}

/** Gives the canvas the picture's size. */
export function drawPicture(
  canvas: HTMLCanvasElement,
  bytes: Uint8Array,
  { height, width, channels }: PictureShape,
): void {
  // Setting the size clears the canvas even if it stays the same.
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context?.createImageData(width, height);
  if (!context || !image) return;
  for (let pixel = 0; pixel < height * width; pixel++) {
    const from = channels * pixel;
    const [red = 0, green = red, blue = red] = bytes.subarray(from, from + channels);
    image.data.set([red, green, blue, 255], 4 * pixel);
  }
  context.putImageData(image, 0, 0);
}
