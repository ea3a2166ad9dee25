// Variables as TensorFlow nodes (tensorflow/core/ops/resource_variable_ops.cc): their current values, and how a session zeroes,
// writes and reads them. Pure.
import { sizeOf } from "../../network/network.js";
import { type Attributes, NumberType, type Output } from "./graph-def.js";
import { FLOAT, type NodeEmitter } from "./node-emitter.js";

export interface LoweredVariable {
  readonly shape: readonly number[];
  /** The resource that effects change. */
  readonly handle: Output;
  /** Fetched to set the variable to zeros. */
  readonly zeroed: Output;
  /** Where new values are fed; `written` is fetched to assign them. */
  readonly fed: Output;
  readonly written: Output;
  /** The current value; a large one in parts of several rows each. */
  readonly parts: readonly Output[];
}

/**
 * Larger variables are read in parts of at most this size, so that the copies that TensorFlow's binding makes stay in the
 * processor's cache and are freed before V8's garbage collector has to mark them (docs/performance.md).
 */
const PART_BYTES = 2 ** 19;

export const VARIABLE: Attributes = { dtype: { type: NumberType.float32 } };

/** Names are within that of the node that reads the variable. */
export function lowerVariable(
  emitter: NodeEmitter,
  name: string,
  shape: readonly number[],
): { value: Output; variable: LoweredVariable } {
  const resource = { container: { text: "" }, shared_name: { text: name } };
  const attributes = { ...VARIABLE, ...resource, shape: { shape } };
  const handle = emitter.emit("VarHandleOp", [], attributes, "handle");
  const value = emitter.emit("ReadVariableOp", [handle], VARIABLE);

  const fill = { ...FLOAT, index_type: { type: NumberType.int32 } };
  const fillInputs = [emitter.integers("shape", shape), emitter.scalar("zero", 0)];
  const zeros = emitter.emit("Fill", fillInputs, fill, "zeros");
  const zero = emitter.emitEffect("AssignVariableOp", [handle, zeros], VARIABLE, "assign_zeros");

  const fed = emitter.emit("Placeholder", [], { ...VARIABLE, shape: { shape } }, "fed");
  // A variable shares the memory of the tensor that is assigned to it, and a fed tensor's memory may belong to JavaScript.
  const copy = emitter.float("DeepCopy", [fed], "copy");
  const write = emitter.emitEffect("AssignVariableOp", [handle, copy], VARIABLE, "assign");
  const variable = {
    shape,
    handle,
    zeroed: emitter.done([zero], "zeroed"),
    fed,
    written: emitter.done([write], "written"),
    parts: lowerParts(emitter, value, shape),
  };
  return { value, variable };
}

/** SplitV's outputs are views of the variable's memory if their alignment allows. */
function lowerParts(emitter: NodeEmitter, value: Output, shape: readonly number[]): Output[] {
  const [rows = 1, ...sides] = shape;
  const most = Math.max(1, Math.floor(PART_BYTES / (4 * sizeOf(sides))));
  if (rows <= most) return [value];
  const sizes = Array.from({ length: Math.ceil(rows / most) }, (_, index) =>
    Math.min(most, rows - index * most),
  );
  const inputs = [value, emitter.integers("sizes", sizes), emitter.axis(0)];
  const attributes = {
    ...FLOAT,
    Tlen: { type: NumberType.int32 },
    num_split: { integer: sizes.length },
  };
  const { node } = emitter.emit("SplitV", inputs, attributes, "parts");
  return sizes.map((_, index) => ({ node, index }));
}
