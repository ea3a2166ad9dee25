// The order of axes: the op graph has channels last, ONNX has them first. An export stores tensors of three or more sides,
// [N,…,C], as [N,C,…]. Pure.

export type Shape = readonly number[];

export function hasInnerSides(shape: Shape): boolean {
  return shape.length >= 3;
}

/** [N,…,C] → [N,C,…] */
export function toChannelsFirst([count, ...sides]: Shape): Shape {
  return [count!, sides.at(-1)!, ...sides.slice(0, -1)];
}

/** The permutation of the Transpose to channels first. */
export function permutationToFirst({ length }: Shape): number[] {
  return [0, length - 1, ...Array.from({ length: length - 2 }, (_, index) => index + 1)];
}

/** The permutation of the Transpose back to channels last. */
export function permutationToLast({ length }: Shape): number[] {
  return [0, ...Array.from({ length: length - 2 }, (_, index) => index + 2), 1];
}

/** The position in [N,C,…] of an axis of one sample, counted from 0. */
export function axisWithChannelsFirst(axis: number, { length }: Shape): number {
  if (length < 3) return axis + 1;
  return axis === length - 2 ? 1 : axis + 2;
}

/**
 * A convolution's kernel [h,w,C,F] → [F,C,h,w]; a depthwise one's [h,w,C,M] → [C·M,1,h,w], output c·M + m.
 * @returns values in the new order
 */
export function transposeKernel(
  values: Float32Array,
  [height, width, channels, filters]: readonly [number, number, number, number],
  isDepthwise: boolean,
): { shape: Shape; values: Float32Array } {
  const area = height * width;
  const transposed = new Float32Array(values.length);
  for (let at = 0; at < area; at++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let filter = 0; filter < filters; filter++) {
        const plane = isDepthwise ? channel * filters + filter : filter * channels + channel;
        transposed[plane * area + at] = values[(at * channels + channel) * filters + filter]!;
      }
    }
  }
  const planes = isDepthwise ? [channels * filters, 1] : [filters, channels];
  return { shape: [...planes, height, width], values: transposed };
}
