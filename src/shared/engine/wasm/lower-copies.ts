// Ops that only move values, as launches (assembly/copies.ts). Pure.
import { sizeOf } from "../../network/network.js";
import type { Launch, Lowering, Operand } from "./launch.js";

const FLOAT_BYTES = 4;
/** Bytes per part of `fillZeros`. */
const FILL_PART = 4096;

/** Blocks of contiguous bytes: `outer` groups of `inner` blocks. */
interface Blocks {
  outer: number;
  inner: number;
  byteLength: number;
}

/** The address of the first block, and the distances between blocks. */
interface Layout {
  pointer: number;
  outerStride: number;
  innerStride: number;
}

function launchCopy({ outer, inner, byteLength }: Blocks, to: Layout, from: Layout): Launch {
  const layouts = [to, from].flatMap(({ pointer, outerStride, innerStride }) => {
    return [pointer, outerStride, innerStride];
  });
  return { kernel: "copyBlocks", parts: outer * inner, args: [...layouts, inner, byteLength] };
}

function layoutOf({ pointer }: Operand, outerStride: number, offset = 0): Layout {
  return { pointer: pointer + offset, outerStride, innerStride: 0 };
}

/** Bytes of one step along an axis of a sample, and of the whole axis. */
function axisBytes({ shape }: Operand, axis: number): { step: number; all: number; outer: number } {
  const step = sizeOf(shape.slice(axis + 2)) * FLOAT_BYTES;
  return { step, all: step * shape[axis + 1]!, outer: sizeOf(shape.slice(0, axis + 1)) };
}

export const lowerConcat: Lowering<"concat"> = ({ axis }, { inputs, outputs: [out] }) => {
  const { all, outer } = axisBytes(out!, axis);
  let offset = 0;
  return inputs.map((part) => {
    const { all: byteLength } = axisBytes(part, axis);
    const blocks = { outer, inner: 1, byteLength };
    const launch = launchCopy(blocks, layoutOf(out!, all, offset), layoutOf(part, byteLength));
    offset += byteLength;
    return launch;
  });
};

export const lowerSlice: Lowering<"slice"> = (
  { axis, from, size },
  { inputs: [x], outputs: [out] },
) => {
  const { step, all, outer } = axisBytes(x!, axis);
  const byteLength = size * step;
  const blocks = { outer, inner: 1, byteLength };
  return [launchCopy(blocks, layoutOf(out!, byteLength), layoutOf(x!, all, from * step))];
};

export const lowerPad: Lowering<"pad"> = ({ top, left }, { inputs: [x], outputs: [out] }) => {
  const byteLength = sizeOf(out!.shape) * FLOAT_BYTES;
  const fill = { kernel: "fillZeros", parts: Math.ceil(byteLength / FILL_PART) };
  return [
    { ...fill, args: [out!.pointer, byteLength] },
    launchImageCopy(x!, imageLayout(out!, top, left), imageLayout(x!, 0, 0)),
  ];
};

export const lowerCrop: Lowering<"crop"> = ({ top, left }, { inputs: [x], outputs: [out] }) => [
  launchImageCopy(out!, imageLayout(out!, 0, 0), imageLayout(x!, top, left)),
];

/** @param image the smaller of the two, which is copied completely */
function launchImageCopy(image: Operand, to: Layout, from: Layout): Launch {
  const [samples, height, width, channels] = image.shape as [number, number, number, number];
  const byteLength = width * channels * FLOAT_BYTES;
  return launchCopy({ outer: samples, inner: height, byteLength }, to, from);
}

function imageLayout({ pointer, shape }: Operand, top: number, left: number): Layout {
  const [, height, width, channels] = shape as [number, number, number, number];
  const innerStride = width * channels * FLOAT_BYTES;
  return {
    pointer: pointer + top * innerStride + left * channels * FLOAT_BYTES,
    outerStride: height * innerStride,
    innerStride,
  };
}
