// Tensors of the float64 reference.
import type { Tensor } from "../../../src/shared/engine/engine.js";
import { sizeOf } from "../../../src/shared/network/network.js";

export interface ReferenceTensor extends Tensor {
  readonly values: Float64Array;
}

export function tensorOf(shape: readonly number[], values: ArrayLike<number>): ReferenceTensor {
  if (sizeOf(shape) !== values.length) {
    throw new RangeError(`${values.length} values for a tensor [${shape.join()}]`);
  }
  return { shape, values: Float64Array.from(values) };
}

export function zeros(shape: readonly number[]): ReferenceTensor {
  return tensorOf(shape, new Float64Array(sizeOf(shape)));
}

/** One value for each of the tensors' values; `b` may be the channels of `a`, or a scalar. */
export function combine(
  a: ReferenceTensor,
  b: ReferenceTensor,
  operation: (a: number, b: number) => number,
): ReferenceTensor {
  const { shape, values } = a;
  return {
    shape,
    values: values.map((value, index) => operation(value, b.values[index % b.values.length]!)),
  };
}

export function mapValues(
  x: ReferenceTensor,
  operation: (value: number) => number,
): ReferenceTensor {
  return { shape: x.shape, values: x.values.map(operation) };
}

/** Where the value with these indices is. */
export function offsetOf(shape: readonly number[], indices: readonly number[]): number {
  return shape.reduce((offset, side, axis) => offset * side + indices[axis]!, 0);
}

export function reshape(x: ReferenceTensor, shape: readonly number[]): ReferenceTensor {
  return tensorOf(shape, x.values);
}
