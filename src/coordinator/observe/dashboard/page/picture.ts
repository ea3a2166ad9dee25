// Grey and RGB pictures on canvases.
import type { PictureShape } from "../page-update.js";
import { createElement } from "./dom.js";

/** @param bytes row by row, the channels of a pixel together */
export function createPicture(bytes: Uint8Array, shape: PictureShape): HTMLCanvasElement {
  const { height, width, channels } = shape;
  const canvas = createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context?.createImageData(width, height);
  if (!context || !image) return canvas;
  for (let pixel = 0; pixel < height * width; pixel++) {
    const [red = 0, green = red, blue = red] = bytes.subarray(
      channels * pixel,
      channels * (pixel + 1),
    );
    image.data.set([red, green, blue, 255], 4 * pixel);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
