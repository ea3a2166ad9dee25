// Infers the types and shapes of each op's outputs, and checks its inputs. Engines need no further checks. Pure.
import { sizeOf } from "../network/network.js";
import type { LossKind, Op, Value } from "./graph.js";
import {
  channelsOf,
  describeValue,
  effect,
  expectRank,
  expectShape,
  expectType,
  expectVectors,
  float,
  type OutputType,
  expectInputs,
} from "./infer-checks.js";
import {
  inferAveragePoolGradient,
  inferConvolution,
  inferInputGradient,
  inferKernelGradient,
  inferMaxPoolGradient,
  inferPool,
} from "./infer-windows.js";

/** Ops whose outputs follow from their inputs. */
export type ComputedOp = Exclude<Op, { kind: "placeholder" | "constant" | "variable" }>;

type Inputs = readonly Value[];

/**
 * @returns one type per output
 * @throws RangeError if the inputs do not fit the op
 */
export function inferOutputs(op: ComputedOp, inputs: Inputs): OutputType[] {
  switch (op.kind) {
    case "conv2d":
    case "depthwise-conv2d":
      return [inferConvolution(op, expectInputs(inputs, 2))];
    case "conv2d-input-gradient":
    case "depthwise-conv2d-input-gradient":
      return [inferInputGradient(op, expectInputs(inputs, 2))];
    case "conv2d-kernel-gradient":
    case "depthwise-conv2d-kernel-gradient":
      return [inferKernelGradient(op, expectInputs(inputs, 2))];
    case "max-pool":
      return [inferPool(op, expectInputs(inputs, 1)), { shape: [], type: "opaque" }];
    case "max-pool-gradient":
      return [inferMaxPoolGradient(op, expectInputs(inputs, 4, { 2: "opaque" }))];
    case "average-pool":
      return [inferPool(op, expectInputs(inputs, 1))];
    case "average-pool-gradient":
      return [inferAveragePoolGradient(op, expectInputs(inputs, 1))];

    case "mat-mul":
      return [inferMatMul(op, expectInputs(inputs, 2))];
    case "bias-add": {
      const [x, bias] = expectInputs(inputs, 2);
      expectShape(bias, [channelsOf(x)]);
      return [float(x.shape)];
    }
    case "bias-gradient":
      return [float([channelsOf(expectInputs(inputs, 1)[0])])];

    case "activation":
      return [float(expectInputs(inputs, 1)[0].shape)];
    case "activation-gradient": {
      const [dy, x, y] = expectInputs(inputs, 3);
      expectShape(x, dy.shape);
      expectShape(y, dy.shape);
      return [float(dy.shape)];
    }
    case "softmax":
      channelsOf(expectInputs(inputs, 1)[0]);
      return [float(expectInputs(inputs, 1)[0].shape)];

    case "moments": {
      const channels = channelsOf(expectInputs(inputs, 1)[0]);
      return [float([channels]), float([channels])];
    }
    case "normalise": {
      const [x, ...vectors] = expectInputs(inputs, 5);
      expectVectors(vectors, channelsOf(x));
      return [float(x.shape)];
    }
    case "batch-norm-gradient": {
      const [dy, x, ...vectors] = expectInputs(inputs, 5);
      expectShape(dy, x.shape);
      expectVectors(vectors, channelsOf(x));
      return [float(x.shape), float([channelsOf(x)]), float([channelsOf(x)])];
    }
    case "batch-norm-sums": {
      const [dy, x, ...vectors] = expectInputs(inputs, 4);
      expectShape(dy, x.shape);
      expectVectors(vectors, channelsOf(x));
      return [float([channelsOf(x)]), float([channelsOf(x)])];
    }
    case "batch-norm-input-gradient": {
      const [dy, x, ...vectors] = expectInputs(inputs, 7);
      expectShape(dy, x.shape);
      expectVectors(vectors, channelsOf(x));
      return [float(x.shape)];
    }

    case "add": {
      const [a, b] = expectInputs(inputs, 2);
      expectShape(b, a.shape);
      return [float(a.shape)];
    }
    case "multiply": {
      const [a, b] = expectInputs(inputs, 2);
      if (b.shape.length > 0) expectShape(b, a.shape);
      return [float(a.shape)];
    }
    case "concat":
      return [inferConcat(op.axis, inputs)];
    case "slice":
      return [inferSlice(op, expectInputs(inputs, 1)[0])];
    case "reshape": {
      const [x] = expectInputs(inputs, 1);
      const [samples, ...sides] = x.shape;
      if (samples === undefined || sizeOf(sides) !== sizeOf(op.shape)) {
        throw new RangeError(`${describeValue(x)} cannot be reshaped to [N,${op.shape.join()}]`);
      }
      return [float([samples, ...op.shape])];
    }
    case "pad":
      return [inferBorder(op, 1, expectInputs(inputs, 1)[0])];
    case "crop":
      return [inferBorder(op, -1, expectInputs(inputs, 1)[0])];

    case "loss":
      return inferLoss(op.loss, expectInputs(inputs, 2, { 1: targetTypeOf(op.loss) }));
    case "sum-of-squares":
      expectInputs(inputs, 1);
      return [float([])];
    case "clip-factor":
      if (inputs.length === 0) throw new RangeError("a clip factor without gradients");
      for (const squares of inputs) {
        expectType(squares, "float32");
        expectShape(squares, []);
      }
      return [float([])];

    case "scale-variable":
      expectShape(expectInputs(inputs, 1)[0], []);
      return [effect()];
    case "optimizer-step":
      expectShape(expectInputs(inputs, 2)[1], []);
      return [effect()];
    default:
      return op satisfies never;
  }
}

type OpOf<Kind extends Op["kind"]> = Extract<Op, { kind: Kind }>;

function inferMatMul(op: OpOf<"mat-mul">, [a, b]: [Value, Value]): OutputType {
  expectRank(a, 2);
  expectRank(b, 2);
  const [rows, inner] = op.transposeA ? a.shape.toReversed() : a.shape;
  const [innerOfB, columns] = op.transposeB ? b.shape.toReversed() : b.shape;
  if (inner !== innerOfB) {
    throw new RangeError(`${describeValue(a)} does not multiply with ${describeValue(b)}`);
  }
  return float([rows!, columns!]);
}

function inferConcat(axis: number, parts: Inputs): OutputType {
  for (const part of parts) expectType(part, "float32");
  const [first] = parts;
  if (!first) throw new RangeError("nothing to concatenate");
  const side = sampleSide(first, axis);
  const shapeWith = (part: Value) => first.shape.with(axis + 1, part.shape[axis + 1] ?? side);
  for (const part of parts) expectShape(part, shapeWith(part));
  const total = parts.reduce((sum, part) => sum + sampleSide(part, axis), 0);
  return float(first.shape.with(axis + 1, total));
}

function inferSlice({ axis, from, size }: OpOf<"slice">, x: Value): OutputType {
  if (from < 0 || size < 1 || from + size > sampleSide(x, axis)) {
    throw new RangeError(
      `cannot slice ${size} values from ${from} of ${describeValue(x)}, axis ${axis}`,
    );
  }
  return float(x.shape.with(axis + 1, size));
}

/** @param sign 1 where the border is added, −1 where it is removed */
function inferBorder(op: OpOf<"pad" | "crop">, sign: 1 | -1, x: Value): OutputType {
  expectRank(x, 4);
  const { top, bottom, left, right } = op;
  const [samples, height, width, channels] = x.shape as [number, number, number, number];
  const sides = [height + sign * (top + bottom), width + sign * (left + right)];
  if (Math.min(top, bottom, left, right) < 0 || Math.min(...sides) < 1) {
    throw new RangeError(`a border ${[top, bottom, left, right].join()} of ${describeValue(x)}`);
  }
  return float([samples, ...sides, channels]);
}

function inferLoss(loss: LossKind, [predictions, targets]: [Value, Value]): OutputType[] {
  expectRank(predictions, 2);
  const samples = predictions.shape[0]!;
  expectShape(targets, targetTypeOf(loss) === "int32" ? [samples] : predictions.shape);
  return [float([samples]), float(predictions.shape)];
}

/** Labels are int32, other targets float32. */
export function targetTypeOf(loss: LossKind): "int32" | "float32" {
  return loss.kind === "softmax-cross-entropy" ? "int32" : "float32";
}

/** One side of a sample. */
function sampleSide(x: Value, axis: number): number {
  const side = axis >= 0 ? x.shape[axis + 1] : undefined;
  if (side === undefined) throw new RangeError(`no axis ${axis} in ${describeValue(x)}`);
  return side;
}
