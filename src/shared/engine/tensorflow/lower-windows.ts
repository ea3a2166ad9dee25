// Convolutions (for depthwise ones see lower-depthwise.ts) and pools as TensorFlow nodes (tensorflow/core/ops/nn_ops.cc). Pure.
import type { Op } from "../../graph/graph.js";
import type { Window } from "../../network/window-shape.js";
import type { Attributes, Output } from "./graph-def.js";
import { FLOAT, type NodeEmitter, outputAt } from "./node-emitter.js";

type OpOf<Kind extends Op["kind"]> = Extract<Op, { kind: Kind }>;

export function lowerConv2d(emitter: NodeEmitter, op: Window, inputs: readonly Output[]): Output {
  return emitter.emit("Conv2D", inputs, slidingAttributes(op));
}

export function lowerConv2dInputGradient(
  emitter: NodeEmitter,
  op: OpOf<"conv2d-input-gradient">,
  [kernel, dy]: readonly [Output, Output],
): Output {
  const inputs = [emitter.shapeLike(dy, op.inputShape), kernel, dy];
  return emitter.emit("Conv2DBackpropInput", inputs, slidingAttributes(op));
}

export function lowerConv2dKernelGradient(
  emitter: NodeEmitter,
  op: Window,
  [x, dy]: readonly [Output, Output],
  kernelShape: readonly number[],
): Output {
  const inputs = [x, emitter.integers("kernel_shape", kernelShape), dy];
  return emitter.emit("Conv2DBackpropFilter", inputs, slidingAttributes(op));
}

const ONE_DNN_POOL = "_MklNativeMaxPool";

/** oneDNN's kernel also records where the largest values were. @returns y, and these notes if there are any */
export function lowerMaxPool(
  emitter: NodeEmitter,
  op: Window,
  x: Output,
  hasOneDnnPool: boolean,
): (Output | undefined)[] {
  if (!hasOneDnnPool) return [emitter.emit("MaxPool", [x], poolAttributes(op)), undefined];
  const y = emitter.emit(ONE_DNN_POOL, [x], oneDnnAttributes(op));
  return [y, outputAt(y, 1)];
}

/**
 * TensorFlow's MaxPoolGrad searches each window for its largest value again, which takes a sixth of a training step. oneDNN's
 * kernel, which TensorFlow itself uses if both passes are in one run, has recorded it in the forward pass. Both give the same
 * bits.
 */
export function lowerMaxPoolGradient(
  emitter: NodeEmitter,
  op: Window,
  [x, y, notes, dy]: readonly (Output | undefined)[],
): Output {
  if (!notes) return emitter.emit("MaxPoolGrad", [x!, y!, dy!], poolAttributes(op));
  return emitter.emit(`${ONE_DNN_POOL}Grad`, [x!, y!, dy!, notes], oneDnnAttributes(op));
}

export function lowerAveragePool(emitter: NodeEmitter, op: Window, x: Output): Output {
  return emitter.emit("AvgPool", [x], poolAttributes(op));
}

export function lowerAveragePoolGradient(
  emitter: NodeEmitter,
  op: OpOf<"average-pool-gradient">,
  dy: Output,
): Output {
  const inputs = [emitter.shapeLike(dy, op.inputShape), dy];
  return emitter.emit("AvgPoolGrad", inputs, poolAttributes(op));
}

export function slidingAttributes({ strides, padding }: Window): Attributes {
  return {
    ...FLOAT,
    padding: { text: padding === "same" ? "SAME" : "VALID" },
    data_format: { text: "NHWC" },
    strides: { integers: [1, ...strides, 1] },
    dilations: { integers: [1, 1, 1, 1] },
  };
}

function poolAttributes({ size, strides, padding }: Window): Attributes {
  return {
    ...FLOAT,
    padding: { text: padding === "same" ? "SAME" : "VALID" },
    data_format: { text: "NHWC" },
    ksize: { integers: [1, ...size, 1] },
    strides: { integers: [1, ...strides, 1] },
  };
}

function oneDnnAttributes(op: Window): Attributes {
  return {
    ...poolAttributes(op),
    workspace_enabled: { flag: true },
    // The label of the kernels that TensorFlow's own graph rewriting uses (mkl_op_registry).
    _kernel: { text: "MklNameChangeOp" },
  };
}
