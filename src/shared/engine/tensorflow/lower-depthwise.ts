// Depthwise convolutions as TensorFlow nodes. TensorFlow's kernels require equal strides; with others, all windows of the padded
// image are computed, and those between the strides are discarded. Pure.
import { type Window, windowPadding } from "../../network/window-shape.js";
import { type Attributes, NumberType, type Output } from "./graph-def.js";
import { slidingAttributes } from "./lower-windows.js";
import { FLOAT, type NodeEmitter } from "./node-emitter.js";

type Shape = readonly number[];

const { int32 } = NumberType;

/** For all windows of the padded image. */
const DENSE: Attributes = slidingAttributes({ size: [1, 1], strides: [1, 1], padding: "valid" });

/** @param image the shape of x */
export function lowerDepthwise(
  emitter: NodeEmitter,
  op: Window,
  [x, kernel]: readonly [Output, Output],
  image: Shape,
): Output {
  const type = "DepthwiseConv2dNative";
  if (hasOneStride(op)) return emitter.emit(type, [x, kernel], slidingAttributes(op));
  const dense = emitter.emit(type, [pad(emitter, op, x, image), kernel], DENSE, "dense");
  const inputs = [dense, ...strideInputs(emitter, op)];
  return emitter.emit("StridedSlice", inputs, STRIDED);
}

/** @param image the shape of dX */
export function lowerDepthwiseInputGradient(
  emitter: NodeEmitter,
  op: Window,
  [kernel, dy]: readonly [Output, Output],
  image: Shape,
  filters: number,
): Output {
  const type = "DepthwiseConv2dNativeBackpropInput";
  const sample = image.slice(1);
  if (hasOneStride(op)) {
    const inputs = [emitter.shapeLike(dy, sample), kernel, dy];
    return emitter.emit(type, inputs, slidingAttributes(op));
  }
  const { top, left, height, width } = paddedImage(op, image);
  const dense = spread(emitter, op, dy, image, filters);
  const shape = emitter.shapeLike(dy, [height, width, sample[2]!]);
  const padded = emitter.emit(type, [shape, kernel, dense], DENSE, "padded");
  const begin = emitter.integers("begin", [0, top, left, 0]);
  const size = emitter.integers("size", [-1, ...sample]);
  return emitter.emit("Slice", [padded, begin, size], { ...FLOAT, Index: { type: int32 } });
}

/** @param image the shape of x */
export function lowerDepthwiseKernelGradient(
  emitter: NodeEmitter,
  op: Window,
  [x, dy]: readonly [Output, Output],
  image: Shape,
  kernelShape: Shape,
): Output {
  const type = "DepthwiseConv2dNativeBackpropFilter";
  const sizes = emitter.integers("kernel_shape", kernelShape);
  if (hasOneStride(op)) return emitter.emit(type, [x, sizes, dy], slidingAttributes(op));
  const dense = spread(emitter, op, dy, image, kernelShape[2]! * kernelShape[3]!);
  return emitter.emit(type, [pad(emitter, op, x, image), sizes, dense], DENSE);
}

function hasOneStride({ strides: [vertical, horizontal] }: Window): boolean {
  return vertical === horizontal;
}

function paddedImage({ size, strides, padding }: Window, [, height, width]: Shape) {
  const rows = windowPadding(height!, size[0], strides[0], padding);
  const columns = windowPadding(width!, size[1], strides[1], padding);
  return {
    paddings: Int32Array.of(0, 0, rows.before, rows.after, columns.before, columns.after, 0, 0),
    top: rows.before,
    left: columns.before,
    height: height! + rows.before + rows.after,
    width: width! + columns.before + columns.after,
  };
}

function pad(emitter: NodeEmitter, op: Window, x: Output, image: Shape): Output {
  const paddings = emitter.constant("paddings", [4, 2], paddedImage(op, image).paddings);
  return emitter.emit("Pad", [x, paddings], { ...FLOAT, Tpaddings: { type: int32 } }, "pad");
}

/** dY with zeros for the windows between the strides. */
function spread(
  emitter: NodeEmitter,
  op: Window,
  dy: Output,
  image: Shape,
  filters: number,
): Output {
  const { height, width } = paddedImage(op, image);
  const sides = [height - op.size[0] + 1, width - op.size[1] + 1, filters];
  const inputs = [emitter.shapeLike(dy, sides), ...strideInputs(emitter, op), dy];
  return emitter.emit("StridedSliceGrad", inputs, STRIDED, "dense_gradient");
}

/** Begin and end are masked, so that the slice goes from the first to the last. */
const STRIDED: Attributes = {
  ...FLOAT,
  Index: { type: int32 },
  begin_mask: { integer: 0b1111 },
  end_mask: { integer: 0b1111 },
  ellipsis_mask: { integer: 0 },
  new_axis_mask: { integer: 0 },
  shrink_axis_mask: { integer: 0 },
};

/** Begin, end and strides. */
function strideInputs(emitter: NodeEmitter, { strides }: Window): Output[] {
  return [
    emitter.integers("begin", [0, 0, 0, 0]),
    emitter.integers("end", [0, 0, 0, 0]),
    emitter.integers("strides", [1, ...strides, 1]),
  ];
}
