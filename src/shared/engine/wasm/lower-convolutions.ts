// Convolutions and their gradients as launches (assembly/convolve.ts, pack-kernel.ts, kernel-gradient.ts). Pure.
import { panelWidth, ROW_BYTES, SCRATCH_BASE_BYTES } from "./block-sizes.js";
import type { Launch, Lowering, NodeMemory } from "./launch.js";
import {
  coveredSides,
  firstCorner,
  groupWindows,
  partOfWindows,
  type ImageShape,
  type Pair,
  type Phase,
  phasesOf,
} from "./window-phases.js";

type KernelShape = readonly [height: number, width: number, channels: number, filters: number];

/** Filters per part of a convolution. */
const PART_FILTERS = 32;
/** Columns per part of a kernel's gradient. */
const PART_COLUMNS = 8;
/** With this many channels or more, each pixel of a kernel's gradient has enough rows to fill tiles on its own. */
const PIXEL_CHANNELS = 16;
/** Rows of a kernel per part of packKernel. */
const PACK_ROWS = 64;

export const lowerConv2d: Lowering<"conv2d"> = (op, memory) => {
  const [x, kernel] = [memory.inputs[0]!, memory.inputs[1]!];
  const y = memory.outputs[0]!;
  const [height, width, channels, filters] = kernel.shape as KernelShape;
  const shape = y.shape as ImageShape;
  const terms = height * width * channels;
  const panels = reservePanels(memory, terms, filters);
  return [
    {
      kernel: "packKernel",
      parts: Math.ceil(terms / PACK_ROWS),
      args: [panels, kernel.pointer, terms, filters],
    },
    launchConvolution({
      x: { pointer: x.pointer, shape: x.shape as ImageShape },
      y: { pointer: y.pointer, shape },
      panels,
      window: [height, width],
      strides: op.strides,
      corner: firstCorner(op, x.shape as ImageShape),
      grid: [shape[1], shape[2]],
      outputCorner: [0, 0],
      outputStrides: [1, 1],
    }),
  ];
};

export const lowerConv2dInputGradient: Lowering<"conv2d-input-gradient"> = (op, memory) => {
  const [kernel, dy] = [memory.inputs[0]!, memory.inputs[1]!];
  const dx = memory.outputs[0]!;
  const shape = dx.shape as ImageShape;
  const [, height, width, channels] = shape;
  const filters = (dy.shape as ImageShape)[3];
  const [top, left] = firstCorner(op, shape);
  const rowPhases = phasesOf(height, op.size[0], op.strides[0], -top);
  const columnPhases = phasesOf(width, op.size[1], op.strides[1], -left);
  return rowPhases.flatMap((rows) => columnPhases.flatMap((columns) => launchPhase(rows, columns)));

  function launchPhase(rows: Phase, columns: Phase): Launch[] {
    const grid: Pair = [rows.count, columns.count];
    const outputCorner: Pair = [rows.first, columns.first];
    const window: Pair = [rows.kernelCount, columns.kernelCount];
    const pixels = window[0] * window[1];
    const panels = reservePanels(memory, pixels * filters, channels);
    const kernelFirst = [rows.kernelFirst, columns.kernelFirst];
    return [
      {
        kernel: "packTurnedKernel",
        parts: pixels,
        args: [
          ...[panels, kernel.pointer, op.size[1], channels, filters],
          ...[...kernelFirst, ...op.strides, ...window],
        ],
      },
      launchConvolution({
        x: { pointer: dy.pointer, shape: dy.shape as ImageShape },
        y: { pointer: dx.pointer, shape },
        panels,
        window,
        strides: [1, 1],
        corner: [rows.firstWindow, columns.firstWindow],
        grid,
        outputCorner,
        outputStrides: op.strides,
      }),
    ];
  }
};

export const lowerConv2dKernelGradient: Lowering<"conv2d-kernel-gradient"> = (op, memory) => {
  const [x, dy] = [memory.inputs[0]!, memory.inputs[1]!];
  const dKernel = memory.outputs[0]!;
  const image = x.shape as ImageShape;
  const [images, outHeight, outWidth, filters] = dy.shape as ImageShape;
  const [height, width, channels] = dKernel.shape as KernelShape;
  const block = groupWindows(images, [outHeight, outWidth]);
  const isPatch = channels < PIXEL_CHANNELS;
  const covered = coveredSides([block.rows, outWidth], [height, width], op.strides);
  const copyLength = isPatch ? covered[0] * covered[1] * channels : 0;
  const packedLength = block.rows * outWidth * panelWidth(filters);
  return [
    {
      kernel: "convolutionKernelGradient",
      parts: (isPatch ? 1 : height * width) * Math.ceil(filters / PART_COLUMNS),
      scratchBytes:
        SCRATCH_BASE_BYTES +
        height * width * channels * ROW_BYTES +
        block.images * (copyLength + packedLength) * 4,
      args: [
        ...[x.pointer, dy.pointer, dKernel.pointer, ...image, filters, height, width],
        ...[...op.strides, ...firstCorner(op, image), outHeight, outWidth],
        ...[block.images, block.rows, Number(isPatch), PART_COLUMNS],
      ],
    },
  ];
};

interface Convolution {
  x: { pointer: number; shape: ImageShape };
  y: { pointer: number; shape: ImageShape };
  panels: number;
  window: Pair;
  strides: Pair;
  /** The first pixel of the first window in x. */
  corner: Pair;
  /** The number of windows. */
  grid: Pair;
  /** The position of the first window's result in y, and the steps to the next. */
  outputCorner: Pair;
  outputStrides: Pair;
}

function launchConvolution(convolution: Convolution): Launch {
  const { x, y, panels, window, strides, corner, grid, outputCorner, outputStrides } = convolution;
  const [images] = x.shape;
  const [, yHeight, yWidth, filters] = y.shape;
  const part = partOfWindows(images, grid);
  return {
    kernel: "convolve",
    parts:
      Math.ceil(images / part.images) *
      Math.ceil(grid[0] / part.rows) *
      Math.ceil(filters / PART_FILTERS),
    scratchBytes: SCRATCH_BASE_BYTES + part.images * part.rows * grid[1] * ROW_BYTES,
    args: [
      ...[x.pointer, panels, y.pointer, ...x.shape, filters],
      ...[...window, ...strides, ...corner, ...grid, yHeight, yWidth],
      ...[...outputCorner, ...outputStrides, part.images, part.rows, PART_FILTERS],
    ],
  };
}

/** Reserves memory for a matrix [terms, columns] in panels. */
function reservePanels(memory: NodeMemory, terms: number, columns: number): number {
  return memory.reserve(terms * panelWidth(columns) * 4);
}
