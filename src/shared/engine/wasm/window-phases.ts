// Shared by the lowering of ordinary and depthwise convolutions: the positions of windows, which windows a pixel belongs to, and
// how windows are grouped into parts and blocks. Pure.
import { type Window, windowPadding } from "../../network/window-shape.js";
import { balance } from "./block-sizes.js";

export type ImageShape = readonly [images: number, height: number, width: number, channels: number];
export type Pair = readonly [height: number, width: number];

/** Windows per part, or per block of a kernel's gradient, if the images allow it. */
const GROUP_WINDOWS = 256;

/** The first window's first pixel; with padding, it is outside of the image. */
export function firstCorner(
  { size, strides, padding }: Window,
  [, height, width]: ImageShape,
): Pair {
  return [
    0 - windowPadding(height, size[0], strides[0], padding).before,
    0 - windowPadding(width, size[1], strides[1], padding).before,
  ];
}

/** The rows and columns of pixels under a grid of adjacent windows. */
export function coveredSides(windows: Pair, size: Pair, strides: Pair): Pair {
  return [(windows[0] - 1) * strides[0] + size[0], (windows[1] - 1) * strides[1] + size[1]];
}

/** Groups windows by complete images, or, if an image has too many, by rows of one image. */
export function groupWindows(
  images: number,
  [rows, columns]: Pair,
): { images: number; rows: number } {
  if (rows * columns <= GROUP_WINDOWS) {
    return { images: balance(images, Math.floor(GROUP_WINDOWS / (rows * columns))), rows };
  }
  return { images: 1, rows: balance(rows, Math.max(1, Math.floor(GROUP_WINDOWS / columns))) };
}

/** Images per part of a convolution: several, so that windows at the same position of their images fill tiles together. */
const PART_IMAGES = 4;
const PART_WINDOWS = 4096;

/** As `groupWindows`, for a part of a convolution, which may have more windows. */
export function partOfWindows(
  images: number,
  [rows, columns]: Pair,
): { images: number; rows: number } {
  const few = Math.max(PART_IMAGES, Math.floor(GROUP_WINDOWS / (rows * columns)));
  const count = balance(images, Math.min(few, images));
  if (count * rows * columns <= PART_WINDOWS) return { images: count, rows };
  return { images: 1, rows: balance(rows, Math.max(1, Math.floor(PART_WINDOWS / columns))) };
}

/** The rows (or columns) of an image that are multiplied by the same rows of a kernel. */
export interface Phase {
  /** The first such row of the image; the others follow at the stride. */
  first: number;
  count: number;
  /** The first of these rows of the kernel; the others follow at the stride. There may be none. */
  kernelFirst: number;
  kernelCount: number;
  /** The window in which the first row is multiplied by the last of these rows of the kernel. */
  firstWindow: number;
}

/**
 * In window w, row p of an image is multiplied by row p + padding − w · stride of the kernel, if the kernel has such a row. So all
 * rows with the same p + padding modulo the stride are multiplied by the same rows of the kernel, every stride-th one. The gradient
 * at these rows is a convolution of dY, with stride 1, with those rows of the kernel in descending order.
 */
export function phasesOf(length: number, size: number, stride: number, padding: number): Phase[] {
  return Array.from({ length: Math.min(stride, length) }, (_, first) => {
    const kernelFirst = (first + padding) % stride;
    const kernelCount = Math.max(0, Math.ceil((size - kernelFirst) / stride));
    return {
      first,
      count: Math.ceil((length - first) / stride),
      kernelFirst,
      kernelCount,
      firstWindow: (first + padding - kernelFirst) / stride - (kernelCount - 1),
    };
  });
}
