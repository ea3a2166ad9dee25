// Protocol buffers' wire format (protobuf.dev/programming-guides/encoding), as far as TensorFlow's graphs need it written.

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** A field that holds a message, by the fields that it is made of. */
export function message(field: number, parts: readonly Uint8Array[]): Uint8Array {
  return bytes(field, Buffer.concat(parts));
}

export function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value));
}

export function bytes(field: number, value: Uint8Array): Uint8Array {
  return Buffer.concat([key(field, LENGTH_DELIMITED), digits(BigInt(value.length)), value]);
}

/** int32, int64, bool or an enumeration; negative numbers as the format's int64. */
export function integer(field: number, value: number | boolean): Uint8Array {
  return Buffer.concat([key(field, VARINT), digits(BigInt.asUintN(64, BigInt(value)))]);
}

export function float(field: number, value: number): Uint8Array {
  return Buffer.concat([key(field, FIXED_32), littleEndian(Float32Array.of(value))]);
}

/** The bytes of the values, which the formats of TensorFlow want with the lowest first. */
export function littleEndian(values: Float32Array | Int32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.byteLength));
  values.forEach((value, index) => {
    if (values instanceof Float32Array) view.setFloat32(4 * index, value, true);
    else view.setInt32(4 * index, value, true);
  });
  return new Uint8Array(view.buffer);
}

function key(field: number, wireType: number): Uint8Array {
  return digits(BigInt((field << 3) | wireType));
}

/** Seven bits a byte, the lowest first; all bytes but the last have the highest bit set. */
function digits(value: bigint): Uint8Array {
  const found: number[] = [];
  for (; value > 127n; value >>= 7n) found.push(Number(value & 127n) | 128);
  return Uint8Array.of(...found, Number(value));
}
