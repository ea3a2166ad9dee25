// Writes the protocol buffers wire format (protobuf.dev/programming-guides/encoding), for TensorFlow's graphs and TensorBoard's
// events. Written by hand: a library would need the message definitions too, and would save no more than these lines.

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** A field that holds a message, given the message's encoded fields. */
export function encodeMessage(field: number, parts: readonly Uint8Array[]): Uint8Array {
  return encodeBytes(field, Buffer.concat(parts));
}

export function encodeText(field: number, value: string): Uint8Array {
  return encodeBytes(field, new TextEncoder().encode(value));
}

export function encodeBytes(field: number, value: Uint8Array): Uint8Array {
  return Buffer.concat([key(field, LENGTH_DELIMITED), encodeVarint(BigInt(value.length)), value]);
}

/** int32, int64, bool or an enum; negative numbers are written as int64. */
export function encodeInteger(field: number, value: number | boolean): Uint8Array {
  return Buffer.concat([key(field, VARINT), encodeVarint(BigInt.asUintN(64, BigInt(value)))]);
}

export function encodeFloat(field: number, value: number): Uint8Array {
  return Buffer.concat([key(field, FIXED_32), encodeLittleEndian(Float32Array.of(value))]);
}

export function encodeDouble(field: number, value: number): Uint8Array {
  return Buffer.concat([key(field, FIXED_64), littleEndianDoubles([value])]);
}

/** A repeated field of doubles, packed: one length for all of them. */
export function encodeDoubles(field: number, values: readonly number[]): Uint8Array {
  return encodeBytes(field, littleEndianDoubles(values));
}

/** TensorFlow's messages hold tensors as little-endian bytes. */
export function encodeLittleEndian(values: Float32Array | Int32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.byteLength));
  values.forEach((value, index) => {
    if (values instanceof Float32Array) view.setFloat32(4 * index, value, true);
    else view.setInt32(4 * index, value, true);
  });
  return new Uint8Array(view.buffer);
}

function littleEndianDoubles(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * values.length));
  values.forEach((value, index) => view.setFloat64(8 * index, value, true));
  return new Uint8Array(view.buffer);
}

function key(field: number, wireType: number): Uint8Array {
  return encodeVarint(BigInt((field << 3) | wireType));
}

/** Seven bits per byte, the lowest first; all bytes but the last have the highest bit set. */
function encodeVarint(value: bigint): Uint8Array {
  const digits: number[] = [];
  for (; value > 127n; value >>= 7n) digits.push(Number(value & 127n) | 128);
  return Uint8Array.of(...digits, Number(value));
}
