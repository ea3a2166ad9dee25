// Products, sums and changes of shape as TensorFlow nodes (math_ops.cc, array_ops.cc). Pure.
import type { Op } from "../../graph/graph.js";
import { NumberType, type Output } from "./graph-def.js";
import { FLOAT, type NodeEmitter } from "./node-emitter.js";

type OpOf<Kind extends Op["kind"]> = Extract<Op, { kind: Kind }>;
type Shape = readonly number[];

const { int32 } = NumberType;

/** a · bᵀ uses the batched kernel: MatMul's own takes half as long again if the second factor is transposed. */
export function lowerMatMul(
  emitter: NodeEmitter,
  { transposeA, transposeB }: OpOf<"mat-mul">,
  inputs: readonly Output[],
): Output {
  if (transposeB && !transposeA) {
    const attributes = { ...FLOAT, adj_x: { flag: false }, adj_y: { flag: true } };
    return emitter.emit("BatchMatMulV2", inputs, attributes);
  }
  const transposed = { transpose_a: { flag: transposeA }, transpose_b: { flag: transposeB } };
  return emitter.emit("MatMul", inputs, { ...FLOAT, ...transposed });
}

export function lowerBias(
  emitter: NodeEmitter,
  op: "BiasAdd" | "BiasAddGrad",
  inputs: readonly Output[],
): Output {
  return emitter.emit(op, inputs, { ...FLOAT, data_format: { text: "NHWC" } });
}

export function lowerConcat(
  emitter: NodeEmitter,
  { axis }: OpOf<"concat">,
  inputs: readonly Output[],
): Output {
  if (inputs.length === 1) return emitter.float("Identity", inputs);
  const attributes = { ...FLOAT, Tidx: { type: int32 }, N: { integer: inputs.length } };
  return emitter.emit("ConcatV2", [...inputs, emitter.axis(axis + 1)], attributes);
}

export function lowerSlice(
  emitter: NodeEmitter,
  { axis, from, size }: OpOf<"slice">,
  x: Output,
  shape: Shape,
): Output {
  const begin = shape.map((_, side) => (side === axis + 1 ? from : 0));
  const sizes = shape.map((_, side) => (side === axis + 1 ? size : -1));
  return lowerPart(emitter, x, begin, sizes);
}

export function lowerPad(
  emitter: NodeEmitter,
  { top, bottom, left, right }: OpOf<"pad">,
  x: Output,
): Output {
  const border = Int32Array.of(0, 0, top, bottom, left, right, 0, 0);
  const paddings = emitter.constant("paddings", [4, 2], border);
  return emitter.emit("Pad", [x, paddings], { ...FLOAT, Tpaddings: { type: int32 } });
}

/** @param shape of the output */
export function lowerCrop(
  emitter: NodeEmitter,
  { top, left }: OpOf<"crop">,
  x: Output,
  [, height, width]: Shape,
): Output {
  return lowerPart(emitter, x, [0, top, left, 0], [-1, height!, width!, -1]);
}

/** @param sizes −1 for all remaining values */
function lowerPart(
  emitter: NodeEmitter,
  x: Output,
  begin: readonly number[],
  sizes: readonly number[],
): Output {
  const inputs = [x, emitter.integers("begin", begin), emitter.integers("size", sizes)];
  return emitter.emit("Slice", inputs, { ...FLOAT, Index: { type: int32 } });
}

/** Σ x², as twice TensorFlow's ½·Σ x² */
export function lowerSumOfSquares(emitter: NodeEmitter, x: Output): Output {
  const half = emitter.float("L2Loss", [x], "half");
  return emitter.float("AddV2", [half, half]);
}

/** min(1, limit/√Σ) */
export function lowerClipFactor(
  emitter: NodeEmitter,
  { limit }: OpOf<"clip-factor">,
  squares: readonly Output[],
): Output {
  const sum = emitter.emit("AddN", squares, { ...FLOAT, N: { integer: squares.length } }, "sum");
  const norm = emitter.float("Sqrt", [sum], "norm");
  const factor = emitter.float("RealDiv", [emitter.scalar("limit", limit), norm], "factor");
  return emitter.float("Minimum", [emitter.scalar("unity", 1), factor]);
}
