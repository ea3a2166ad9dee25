// Depthwise convolutions and their gradients as launches (assembly/depthwise.ts, depthwise-kernel-gradient.ts). Pure.
import { SCRATCH_BASE_BYTES } from "./block-sizes.js";
import type { Launch, Lowering } from "./launch.js";
import {
  coveredSides,
  firstCorner,
  groupWindows,
  type ImageShape,
  type Pair,
  type Phase,
  phasesOf,
} from "./window-phases.js";

type KernelShape = readonly [height: number, width: number, channels: number, multiplier: number];

export const lowerDepthwise: Lowering<"depthwise-conv2d"> = (op, { inputs, outputs }) => {
  const [x, kernel, y] = [inputs[0]!, inputs[1]!, outputs[0]!];
  const [height, width, channels, multiplier] = kernel.shape as KernelShape;
  const image = x.shape as ImageShape;
  const shape = y.shape as ImageShape;
  const grid: Pair = [shape[1], shape[2]];
  const place = [...grid, ...grid, 0, 0, 1, 1];
  return [
    launchDepthwise({
      pointers: [x.pointer, kernel.pointer, y.pointer],
      image,
      lanes: [channels * multiplier, 1, multiplier],
      kernel: [width, 0, 0, 1, 1],
      window: [height, width],
      strides: op.strides,
      corner: firstCorner(op, image),
      grid,
      place,
    }),
  ];
};

export const lowerDepthwiseInputGradient: Lowering<"depthwise-conv2d-input-gradient"> = (
  op,
  { inputs, outputs },
) => {
  const [kernel, dy, dx] = [inputs[0]!, inputs[1]!, outputs[0]!];
  const [, kernelWidth, channels, multiplier] = kernel.shape as KernelShape;
  const shape = dx.shape as ImageShape;
  const [, height, width] = shape;
  const [top, left] = firstCorner(op, shape);
  const rowPhases = phasesOf(height, op.size[0], op.strides[0], -top);
  const columnPhases = phasesOf(width, op.size[1], op.strides[1], -left);
  return rowPhases.flatMap((rows) => columnPhases.map((columns) => launchPhase(rows, columns)));

  function launchPhase(rows: Phase, columns: Phase): Launch {
    const grid: Pair = [rows.count, columns.count];
    const window: Pair = [rows.kernelCount, columns.kernelCount];
    const place = [...grid, height, width, rows.first, columns.first, ...op.strides];
    const lastRow = rows.kernelFirst + (window[0] - 1) * op.strides[0];
    const lastColumn = columns.kernelFirst + (window[1] - 1) * op.strides[1];
    return launchDepthwise({
      pointers: [dy.pointer, kernel.pointer, dx.pointer],
      image: dy.shape as ImageShape,
      lanes: [channels, multiplier, 1],
      kernel: [kernelWidth, lastRow, lastColumn, -op.strides[0], -op.strides[1]],
      window,
      strides: [1, 1],
      corner: [rows.firstWindow, columns.firstWindow],
      grid,
      place,
    });
  }
};

export const lowerDepthwiseKernelGradient: Lowering<"depthwise-conv2d-kernel-gradient"> = (
  op,
  { inputs, outputs },
) => {
  const [x, dy, dKernel] = [inputs[0]!, inputs[1]!, outputs[0]!];
  const image = x.shape as ImageShape;
  const [images, outHeight, outWidth, lanes] = dy.shape as ImageShape;
  const [height, width, , multiplier] = dKernel.shape as KernelShape;
  const block = groupWindows(images, [outHeight, outWidth]);
  const covered = coveredSides([block.rows, outWidth], [height, width], op.strides);
  const pixels = height * width + block.images * (covered[0] * covered[1] + block.rows * outWidth);
  return [
    {
      kernel: "depthwiseKernelGradient",
      parts: Math.ceil(lanes / 4),
      scratchBytes: SCRATCH_BASE_BYTES + pixels * laneBytes(lanes),
      args: [
        ...[x.pointer, dy.pointer, dKernel.pointer, ...image.slice(0, 3), lanes, multiplier],
        ...[height, width, ...op.strides, ...firstCorner(op, image), outHeight, outWidth],
        ...[block.images, block.rows],
      ],
    },
  ];
};

interface DepthwiseConvolution {
  /** x, kernel, y */
  pointers: readonly [number, number, number];
  /** The shape of x. */
  image: ImageShape;
  lanes: readonly [count: number, planes: number, repeat: number];
  /** The kernel's width, the first row and column to read, and the steps to the next ones. */
  kernel: readonly [number, number, number, number, number];
  window: Pair;
  strides: Pair;
  /** The first pixel of the first window in x. */
  corner: Pair;
  /** The number of windows. */
  grid: Pair;
  /** The grid, the sides of y, the position of the first result in y, and the steps to the next. */
  place: readonly number[];
}

function launchDepthwise(convolution: DepthwiseConvolution): Launch {
  const { pointers, image, lanes, kernel, window, strides, corner, grid, place } = convolution;
  const [images, height, width] = image;
  const { rows } = groupWindows(1, grid);
  const covered = coveredSides([rows, grid[1]], window, strides);
  const pixels = window[0] * window[1] + covered[0] * covered[1];
  return {
    kernel: "convolveDepthwise",
    parts: images * Math.ceil(grid[0] / rows),
    scratchBytes: SCRATCH_BASE_BYTES + pixels * lanes[1] * laneBytes(lanes[0]),
    args: [
      ...[...pointers, height, width, ...lanes, ...kernel],
      ...[...window, ...strides, ...corner, ...place, rows],
    ],
  };
}

/** Bytes of `lanes` lanes, rounded up to full vectors. */
function laneBytes(lanes: number): number {
  return Math.ceil(lanes / 4) * 16;
}
