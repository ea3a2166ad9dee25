// The types of values in array files, and how their bytes are converted: to bytes or float32 for inputs, to class numbers or float32
// for targets. For little-endian machines, like everything that Node runs on. Pure.

export interface ValueType {
  /** `b`: booleans, `u` and `i`: unsigned and signed integers, `f`: floating-point numbers. */
  kind: "b" | "u" | "i" | "f";
  byteLength: 1 | 2 | 4 | 8;
  isBigEndian: boolean;
}

/** `uint8`, `float64`, `bool` */
export function typeName({ kind, byteLength }: ValueType): string {
  const name = { b: "bool", u: "uint", i: "int", f: "float" }[kind];
  return kind === "b" ? name : `${name}${8 * byteLength}`;
}

/** What inputs of this type are converted to; undefined: not supported as inputs. */
export function inputTypeOf({ kind, byteLength }: ValueType): "uint8" | "float32" | undefined {
  if (kind === "u" && byteLength === 1) return "uint8";
  return kind === "f" && byteLength >= 4 ? "float32" : undefined;
}

/** What targets of this type are; undefined: not supported as targets. */
export function targetKindOf({ kind, byteLength }: ValueType): "classes" | "values" | undefined {
  if (kind !== "f") return "classes";
  return byteLength >= 4 ? "values" : undefined;
}

/** Bytes are returned as they are, floats rounded to float32. Copies only if something has to be changed. */
export function decodeInputs(type: ValueType, bytes: Uint8Array): Uint8Array | Float32Array {
  return inputTypeOf(type) === "uint8" ? bytes : decodeFloats(type, bytes);
}

/** For `f` with 4 or 8 bytes. */
export function decodeFloats(
  { byteLength, isBigEndian }: ValueType,
  bytes: Uint8Array,
): Float32Array {
  const count = bytes.length / byteLength;
  const { buffer, byteOffset } = align(bytes, byteLength, isBigEndian);
  if (byteLength === 4) return new Float32Array(buffer, byteOffset, count);
  return Float32Array.from(new Float64Array(buffer, byteOffset, count));
}

/** For integers. Those of eight bytes that JavaScript cannot represent are rounded, and are far too large for a class. */
export function decodeIntegers(type: ValueType, bytes: Uint8Array): ArrayLike<number> {
  const { kind, byteLength, isBigEndian } = type;
  const count = bytes.length / byteLength;
  const { buffer, byteOffset } = align(bytes, byteLength, isBigEndian);
  if (kind === "i") {
    if (byteLength === 1) return new Int8Array(buffer, byteOffset, count);
    if (byteLength === 2) return new Int16Array(buffer, byteOffset, count);
    if (byteLength === 4) return new Int32Array(buffer, byteOffset, count);
    return Float64Array.from(new BigInt64Array(buffer, byteOffset, count), Number);
  }
  if (byteLength === 1) return new Uint8Array(buffer, byteOffset, count);
  if (byteLength === 2) return new Uint16Array(buffer, byteOffset, count);
  if (byteLength === 4) return new Uint32Array(buffer, byteOffset, count);
  return Float64Array.from(new BigUint64Array(buffer, byteOffset, count), Number);
}

/** The bytes, aligned for values of this length and in the machine's order: a copy if they have to be moved or swapped. */
function align(bytes: Uint8Array, valueBytes: number, isBigEndian: boolean): Uint8Array {
  const isSwapped = isBigEndian && valueBytes > 1;
  if (!isSwapped && bytes.byteOffset % valueBytes === 0) return bytes;
  const copy = new Uint8Array(bytes);
  if (isSwapped) swapBytes(copy, valueBytes);
  return copy;
}

/** Reverses the bytes of each value, in place. */
export function swapBytes(bytes: Uint8Array, valueBytes: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (valueBytes === 2) buffer.swap16();
  else if (valueBytes === 4) buffer.swap32();
  else if (valueBytes === 8) buffer.swap64();
}
