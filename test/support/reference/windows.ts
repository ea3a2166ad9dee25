// Convolutions and pools of the float64 reference, tap by tap.
import {
  type Window,
  windowOutput,
  windowPadding,
} from "../../../src/shared/network/window-shape.js";
import { offsetOf, type ReferenceTensor, zeros } from "./tensor.js";

type Image = [samples: number, height: number, width: number, channels: number];

/** An output pixel, a place in its window, and the input pixel that lies there. */
interface Tap {
  n: number;
  row: number;
  column: number;
  windowRow: number;
  windowColumn: number;
  y: number;
  x: number;
}

/** All taps inside the image, window by window, row by row. */
function forEachTap(shape: readonly number[], window: Window, body: (tap: Tap) => void): void {
  const [samples, height, width] = shape as Image;
  const { size, strides, padding } = window;
  const [rows, columns] = windowOutput([height, width], window);
  const top = windowPadding(height, size[0], strides[0], padding).before;
  const left = windowPadding(width, size[1], strides[1], padding).before;
  for (let n = 0; n < samples; n++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (let windowRow = 0; windowRow < size[0]; windowRow++) {
          for (let windowColumn = 0; windowColumn < size[1]; windowColumn++) {
            const y = row * strides[0] + windowRow - top;
            const x = column * strides[1] + windowColumn - left;
            if (y < 0 || y >= height || x < 0 || x >= width) continue;
            body({ n, row, column, windowRow, windowColumn, y, x });
          }
        }
      }
    }
  }
}

function outputShape(shape: readonly number[], window: Window, channels: number): Image {
  const [samples, height, width] = shape as Image;
  return [samples, ...windowOutput([height, width], window), channels];
}

/**
 * For every product x·k that goes into an output y of a convolution, their places.
 * @param isDepthwise output channel c·M + m of kernel [h,w,C,M], else f of [h,w,C,F]
 */
function forEachProduct(
  [xShape, kernelShape, yShape]: readonly (readonly number[])[],
  window: Window,
  isDepthwise: boolean,
  body: (xOffset: number, kernelOffset: number, yOffset: number) => void,
): void {
  const [, , channels, outputs] = kernelShape as Image;
  forEachTap(xShape!, window, ({ n, row, column, windowRow, windowColumn, y, x }) => {
    for (let c = 0; c < channels; c++) {
      for (let f = 0; f < outputs; f++) {
        body(
          offsetOf(xShape!, [n, y, x, c]),
          offsetOf(kernelShape!, [windowRow, windowColumn, c, f]),
          offsetOf(yShape!, [n, row, column, isDepthwise ? c * outputs + f : f]),
        );
      }
    }
  });
}

export function convolve(
  x: ReferenceTensor,
  kernel: ReferenceTensor,
  window: Window,
  isDepthwise: boolean,
): ReferenceTensor {
  const [, , channels, outputs] = kernel.shape as Image;
  const y = zeros(outputShape(x.shape, window, isDepthwise ? channels * outputs : outputs));
  forEachProduct([x.shape, kernel.shape, y.shape], window, isDepthwise, (xAt, kernelAt, yAt) => {
    y.values[yAt]! += x.values[xAt]! * kernel.values[kernelAt]!;
  });
  return y;
}

/** @param image of one sample */
export function convolveInputGradient(
  kernel: ReferenceTensor,
  dy: ReferenceTensor,
  image: readonly number[],
  window: Window,
  isDepthwise: boolean,
): ReferenceTensor {
  const dx = zeros([dy.shape[0]!, ...image]);
  forEachProduct([dx.shape, kernel.shape, dy.shape], window, isDepthwise, (xAt, kernelAt, yAt) => {
    dx.values[xAt]! += dy.values[yAt]! * kernel.values[kernelAt]!;
  });
  return dx;
}

export function convolveKernelGradient(
  x: ReferenceTensor,
  dy: ReferenceTensor,
  window: Window,
  isDepthwise: boolean,
): ReferenceTensor {
  const channels = x.shape[3]!;
  const outputs = isDepthwise ? dy.shape[3]! / channels : dy.shape[3]!;
  const dKernel = zeros([...window.size, channels, outputs]);
  const shapes = [x.shape, dKernel.shape, dy.shape];
  forEachProduct(shapes, window, isDepthwise, (xAt, kernelAt, yAt) => {
    dKernel.values[kernelAt]! += x.values[xAt]! * dy.values[yAt]!;
  });
  return dKernel;
}

/** @returns y, and for each of its values the place of the first largest value in x */
export function maxPool(x: ReferenceTensor, window: Window): ReferenceTensor[] {
  const channels = x.shape[3]!;
  const y = zeros(outputShape(x.shape, window, channels));
  y.values.fill(-Infinity);
  const places = zeros(y.shape);
  places.values.fill(-1);
  forEachTap(x.shape, window, (tap) => {
    for (let c = 0; c < channels; c++) {
      const from = offsetOf(x.shape, [tap.n, tap.y, tap.x, c]);
      const to = offsetOf(y.shape, [tap.n, tap.row, tap.column, c]);
      if (places.values[to] !== -1 && x.values[from]! <= y.values[to]!) continue;
      y.values[to] = x.values[from]!;
      places.values[to] = from;
    }
  });
  return [y, places];
}

export function maxPoolGradient(
  x: ReferenceTensor,
  places: ReferenceTensor,
  dy: ReferenceTensor,
): ReferenceTensor {
  const dx = zeros(x.shape);
  dy.values.forEach((value, index) => (dx.values[places.values[index]!]! += value));
  return dx;
}

/** How many pixels of the image each window holds, by output pixel. */
function countPixels(shape: readonly number[], window: Window): ReferenceTensor {
  const counts = zeros(outputShape([1, ...shape.slice(1)], window, 1));
  forEachTap([1, ...shape.slice(1)], window, ({ row, column }) => {
    counts.values[offsetOf(counts.shape, [0, row, column, 0])]! += 1;
  });
  return counts;
}

export function averagePool(x: ReferenceTensor, window: Window): ReferenceTensor {
  const channels = x.shape[3]!;
  const y = zeros(outputShape(x.shape, window, channels));
  const counts = countPixels(x.shape, window);
  forEachTap(x.shape, window, (tap) => {
    const count = counts.values[offsetOf(counts.shape, [0, tap.row, tap.column, 0])]!;
    for (let c = 0; c < channels; c++) {
      const value = x.values[offsetOf(x.shape, [tap.n, tap.y, tap.x, c])]!;
      y.values[offsetOf(y.shape, [tap.n, tap.row, tap.column, c])]! += value / count;
    }
  });
  return y;
}

/** @param image of one sample */
export function averagePoolGradient(
  dy: ReferenceTensor,
  image: readonly number[],
  window: Window,
): ReferenceTensor {
  const dx = zeros([dy.shape[0]!, ...image]);
  const counts = countPixels(dx.shape, window);
  forEachTap(dx.shape, window, (tap) => {
    const count = counts.values[offsetOf(counts.shape, [0, tap.row, tap.column, 0])]!;
    for (let c = 0; c < image[2]!; c++) {
      const value = dy.values[offsetOf(dy.shape, [tap.n, tap.row, tap.column, c])]!;
      dx.values[offsetOf(dx.shape, [tap.n, tap.y, tap.x, c])]! += value / count;
    }
  });
  return dx;
}
