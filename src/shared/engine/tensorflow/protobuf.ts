// Protocol buffers' wire format (protobuf.dev/programming-guides/encoding), as far as TensorFlow's messages are written.
// By hand: tfjs-node brings google-protobuf with TensorFlow's messages, but TensorBoard's graph must be drawn without it.

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** A field that holds a message, from the message's fields. */
export function encodeMessage(field: number, parts: readonly Uint8Array[]): Uint8Array {
  return encodeBytes(field, Buffer.concat(parts));
}

export function encodeText(field: number, value: string): Uint8Array {
  return encodeBytes(field, new TextEncoder().encode(value));
}

export function encodeBytes(field: number, value: Uint8Array): Uint8Array {
  return Buffer.concat([key(field, LENGTH_DELIMITED), encodeVarint(BigInt(value.length)), value]);
}

/** int32, int64, bool or an enumeration; negative numbers as the format's int64. */
export function encodeInteger(field: number, value: number | boolean): Uint8Array {
  return Buffer.concat([key(field, VARINT), encodeVarint(BigInt.asUintN(64, BigInt(value)))]);
}

export function encodeFloat(field: number, value: number): Uint8Array {
  return Buffer.concat([key(field, FIXED_32), encodeLittleEndian(Float32Array.of(value))]);
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

function key(field: number, wireType: number): Uint8Array {
  return encodeVarint(BigInt((field << 3) | wireType));
}

/** Seven bits per byte, the lowest first; all bytes but the last have the highest bit set. */
function encodeVarint(value: bigint): Uint8Array {
  const digits: number[] = [];
  for (; value > 127n; value >>= 7n) digits.push(Number(value & 127n) | 128);
  return Uint8Array.of(...digits, Number(value));
}
