// Products of matrices and changes of shape of the float64 reference.
import type { Op } from "../../../src/shared/graph/graph.js";
import { offsetOf, type ReferenceTensor, zeros } from "./tensor.js";

type OpOf<Kind extends Op["kind"]> = Extract<Op, { kind: Kind }>;

export function matMul(
  { transposeA, transposeB }: OpOf<"mat-mul">,
  a: ReferenceTensor,
  b: ReferenceTensor,
): ReferenceTensor {
  const [rows, inner] = (transposeA ? a.shape.toReversed() : a.shape) as [number, number];
  const columns = b.shape[transposeB ? 0 : 1]!;
  const product = zeros([rows, columns]);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      for (let k = 0; k < inner; k++) {
        product.values[i * columns + j]! +=
          a.values[offsetOf(a.shape, transposeA ? [k, i] : [i, k])]! *
          b.values[offsetOf(b.shape, transposeB ? [j, k] : [k, j])]!;
      }
    }
  }
  return product;
}

/** Calls with the indices of each value. */
function forEachIndex(shape: readonly number[], body: (indices: number[]) => void): void {
  const visit = (indices: number[]) => {
    const side = shape[indices.length];
    if (side === undefined) body(indices);
    else for (let index = 0; index < side; index++) visit([...indices, index]);
  };
  visit([]);
}

/** Copies x into y, where it begins at `start`, as far as both go. */
function copyInto(y: ReferenceTensor, x: ReferenceTensor, start: readonly number[]): void {
  forEachIndex(x.shape, (indices) => {
    const target = indices.map((index, axis) => index + start[axis]!);
    if (target.some((index, axis) => index < 0 || index >= y.shape[axis]!)) return;
    y.values[offsetOf(y.shape, target)] = x.values[offsetOf(x.shape, indices)]!;
  });
}

export function concat(axis: number, parts: readonly ReferenceTensor[]): ReferenceTensor {
  const [first] = parts;
  const total = parts.reduce((sum, part) => sum + part.shape[axis + 1]!, 0);
  const joined = zeros(first!.shape.with(axis + 1, total));
  let at = 0;
  for (const part of parts) {
    copyInto(
      joined,
      part,
      part.shape.map((_, each) => (each === axis + 1 ? at : 0)),
    );
    at += part.shape[axis + 1]!;
  }
  return joined;
}

export function slice({ axis, from, size }: OpOf<"slice">, x: ReferenceTensor): ReferenceTensor {
  const part = zeros(x.shape.with(axis + 1, size));
  copyInto(
    part,
    x,
    x.shape.map((_, each) => (each === axis + 1 ? -from : 0)),
  );
  return part;
}

/** Adds a border of zeros; cuts one off where its sides are negative. */
export function addBorder(
  x: ReferenceTensor,
  { top, bottom, left, right }: { top: number; bottom: number; left: number; right: number },
): ReferenceTensor {
  const [samples, height, width, channels] = x.shape as [number, number, number, number];
  const y = zeros([samples, height + top + bottom, width + left + right, channels]);
  copyInto(y, x, [0, top, left, 0]);
  return y;
}
