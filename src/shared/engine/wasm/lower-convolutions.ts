// Convolutions and their gradients as launches (assembly/convolve.ts, pack-kernel.ts, kernel-gradient.ts). Pure.
import { type Window, windowPadding } from "../../network/window-shape.js";
import { panelWidth, ROW_BYTES, SCRATCH_BASE_BYTES } from "./block-sizes.js";
import type { Launch, Lowering, NodeMemory } from "./launch.js";

type ImageShape = readonly [images: number, height: number, width: number, channels: number];
type KernelShape = readonly [height: number, width: number, channels: number, filters: number];

/** Windows in a part of a convolution, where the image can be cut so. */
const PART_WINDOWS = 256;
/** Of a part of a kernel's gradient. */
const PART_ROWS = 128;
const PART_COLUMNS = 8;
/** Rows of a kernel that packKernel packs as a part. */
const PACK_ROWS = 64;

export const lowerConv2d: Lowering<"conv2d"> = (op, memory) => {
  const [x, kernel] = [memory.inputs[0]!, memory.inputs[1]!];
  const y = memory.outputs[0]!;
  const shape = kernel.shape as KernelShape;
  const [, outHeight, outWidth, filters] = y.shape as ImageShape;
  const terms = shape[0] * shape[1] * shape[2];
  const panels = reservePanels(memory, terms, filters);
  const { top, left } = corner(op, x.shape as ImageShape);
  return [
    {
      kernel: "packKernel",
      parts: Math.ceil(terms / PACK_ROWS),
      args: [panels, kernel.pointer, terms, filters],
    },
    launchConvolution({
      x: { pointer: x.pointer, shape: x.shape as ImageShape },
      y: { pointer: y.pointer, shape: y.shape as ImageShape },
      panels,
      window: [shape[0], shape[1]],
      strides: op.strides,
      corner: [top, left],
      grid: [outHeight, outWidth],
      outputCorner: [0, 0],
      outputStrides: [1, 1],
    }),
  ];
};

/**
 * Pixel p of an image's rows (or columns) has a share in the windows w of which p + padding − w · stride is a row of the kernel.
 * So the pixels of one remainder of (p + padding) by the stride see every stride-th row of the kernel, and dX at these pixels
 * is a convolution of dY, with stride 1, by those rows in descending order.
 */
export const lowerConv2dInputGradient: Lowering<"conv2d-input-gradient"> = (op, memory) => {
  const [kernel, dy] = [memory.inputs[0]!, memory.inputs[1]!];
  const dx = memory.outputs[0]!;
  const shape = dx.shape as ImageShape;
  const padding = corner(op, shape);
  const launches: Launch[] = [];
  for (const rows of phases(shape[1], op.size[0], op.strides[0], -padding.top)) {
    for (const columns of phases(shape[2], op.size[1], op.strides[1], -padding.left)) {
      launches.push(...launchPhase(rows, columns));
    }
  }
  return launches;

  function launchPhase(rows: Phase, columns: Phase): Launch[] {
    const [, , channels, filters] = kernel.shape as KernelShape;
    const grid: Pair = [rows.count, columns.count];
    const outputCorner: Pair = [rows.first, columns.first];
    const window: Pair = [rows.taps, columns.taps];
    if (rows.taps * columns.taps === 0) {
      const [images, height, width] = shape;
      const place = [...grid, height, width, ...outputCorner, ...op.strides];
      return [{ kernel: "clearGrid", parts: images, args: [dx.pointer, channels, ...place] }];
    }
    const pixels = rows.taps * columns.taps;
    const panels = reservePanels(memory, pixels * filters, channels);
    const kernelArgs = [panels, kernel.pointer, op.size[1], channels, filters];
    return [
      {
        kernel: "packTurnedKernel",
        parts: pixels,
        args: [...kernelArgs, rows.remainder, columns.remainder, ...op.strides, ...window],
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
  const { top, left } = corner(op, image);
  const matrixRows = height * width * channels;
  const windows = outHeight * outWidth;
  const isWhole = windows <= PART_WINDOWS;
  const blockImages = isWhole ? balance(images, Math.floor(PART_WINDOWS / windows)) : 1;
  const blockRows = isWhole
    ? outHeight
    : balance(outHeight, Math.max(1, Math.floor(PART_WINDOWS / outWidth)));
  const partRows = balance(matrixRows, PART_ROWS);
  const copied =
    ((blockRows - 1) * op.strides[0] + height) * ((outWidth - 1) * op.strides[1] + width);
  const packed = blockRows * outWidth * panelWidth(filters);
  return [
    {
      kernel: "convolutionKernelGradient",
      parts: Math.ceil(matrixRows / partRows) * Math.ceil(filters / PART_COLUMNS),
      scratchBytes:
        SCRATCH_BASE_BYTES +
        matrixRows * ROW_BYTES +
        blockImages * (copied * channels + packed) * 4,
      args: [
        ...[x.pointer, dy.pointer, dKernel.pointer],
        ...[...image, filters, height, width, ...op.strides, top, left, outHeight, outWidth],
        ...[blockImages, blockRows, partRows, PART_COLUMNS],
      ],
    },
  ];
};

type Pair = readonly [height: number, width: number];

interface Convolution {
  x: { pointer: number; shape: ImageShape };
  y: { pointer: number; shape: ImageShape };
  panels: number;
  window: Pair;
  strides: Pair;
  /** Where the first window begins in x. */
  corner: Pair;
  /** How many windows there are. */
  grid: Pair;
  /** Where the first window's result is in y, and those after it. */
  outputCorner: Pair;
  outputStrides: Pair;
}

function launchConvolution(convolution: Convolution): Launch {
  const { x, y, panels, window, strides, corner, grid, outputCorner, outputStrides } = convolution;
  const [images, , , channels] = x.shape;
  const [, yHeight, yWidth, filters] = y.shape;
  const [rows, columns] = grid;
  const isWhole = rows * columns <= PART_WINDOWS;
  const partImages = isWhole ? balance(images, Math.floor(PART_WINDOWS / (rows * columns))) : 1;
  const partRows = isWhole ? rows : balance(rows, Math.max(1, Math.floor(PART_WINDOWS / columns)));
  const copied =
    ((partRows - 1) * strides[0] + window[0]) * ((columns - 1) * strides[1] + window[1]) * channels;
  return {
    kernel: "convolve",
    parts: Math.ceil(images / partImages) * Math.ceil(rows / partRows),
    scratchBytes: SCRATCH_BASE_BYTES + partImages * (partRows * columns * ROW_BYTES + copied * 4),
    args: [
      ...[x.pointer, panels, y.pointer, ...x.shape, filters],
      ...[...window, ...strides, ...corner, ...grid],
      ...[yHeight, yWidth, ...outputCorner, ...outputStrides, partImages, partRows],
    ],
  };
}

/** Memory for a matrix [terms, columns] in panels. */
function reservePanels(memory: NodeMemory, terms: number, columns: number): number {
  return memory.reserve(terms * panelWidth(columns) * 4);
}

/** Where the first window begins in an image: before it, where there is padding. */
function corner({ size, strides, padding }: Window, [, height, width]: ImageShape) {
  return {
    top: -windowPadding(height, size[0], strides[0], padding).before,
    left: -windowPadding(width, size[1], strides[1], padding).before,
  };
}

/** The rows (or columns) of an image that see the same rows of the kernel. */
interface Phase {
  /** The first such row; the others follow at the stride. */
  first: number;
  count: number;
  /** The first such row of the kernel, and how many there are. */
  remainder: number;
  taps: number;
  /** The window that sees the first row by the last such row of the kernel. */
  firstWindow: number;
}

function phases(length: number, size: number, stride: number, padding: number): Phase[] {
  return Array.from({ length: Math.min(stride, length) }, (_, first) => {
    const remainder = (first + padding) % stride;
    const taps = Math.max(0, Math.ceil((size - remainder) / stride));
    const firstWindow = (first + padding - remainder) / stride - (taps - 1);
    return { first, count: Math.ceil((length - first) / stride), remainder, taps, firstWindow };
  });
}

/** How long pieces of a length are of which none is longer than the limit, if they are as equal as possible. */
function balance(length: number, limit: number): number {
  return Math.ceil(length / Math.ceil(length / limit));
}
