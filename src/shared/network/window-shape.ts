// Output sizes and padding of convolutions and pools, as TensorFlow defines SAME and VALID
// (tensorflow.org/api_docs/python/tf/nn, "Notes on padding"). Pure.
import type { Padding, Sides } from "./spec.js";

export interface Window {
  /** Of the kernel or the pool. */
  size: Sides;
  strides: Sides;
  padding: Padding;
}

/**
 * SAME: ⌈input/stride⌉. VALID: the number of windows inside the input, ⌈(input − size + 1)/stride⌉.
 * @returns 0 if a VALID window is larger than the input
 */
export function windowCount(input: number, size: number, stride: number, padding: Padding): number {
  const places = padding === "same" ? input : Math.max(0, input - size + 1);
  return Math.ceil(places / stride);
}

/**
 * The number of zeros before and after the input; with SAME, an odd one is put after it.
 * If the windows do not reach the end of the input, no zeros are needed there.
 */
export function windowPadding(
  input: number,
  size: number,
  stride: number,
  padding: Padding,
): { before: number; after: number } {
  if (padding === "valid") return { before: 0, after: 0 };
  const covered = (windowCount(input, size, stride, padding) - 1) * stride + size;
  const total = Math.max(0, covered - input);
  const before = Math.floor(total / 2);
  return { before, after: total - before };
}

/** Height and width of the output of a convolution or pool. */
export function windowOutput([height, width]: Sides, { size, strides, padding }: Window): Sides {
  return [
    windowCount(height, size[0], strides[0], padding),
    windowCount(width, size[1], strides[1], padding),
  ];
}
