// Random tensors for tests of engines, the same in every run.
import { Random } from "../../../src/shared/random.js";
import { sizeOf } from "../../../src/shared/network/network.js";

/** float32 numbers around 0, most of them between −2 and 2. */
export function randomValues(shape: readonly number[], stream: string): Float32Array {
  const random = new Random(0, stream);
  return Float32Array.from({ length: sizeOf(shape) }, () => random.truncatedNormal());
}

/** Numbers from `from` to `to`. */
export function uniformValues(
  shape: readonly number[],
  stream: string,
  [from, to]: readonly [number, number],
): Float32Array {
  const random = new Random(0, stream);
  return Float32Array.from({ length: sizeOf(shape) }, () => from + (to - from) * random.uniform());
}

/** Whole numbers from 0 to `classes` − 1. */
export function randomLabels(count: number, classes: number, stream: string): Int32Array {
  const random = new Random(0, stream);
  return Int32Array.from({ length: count }, () => random.below(classes));
}
