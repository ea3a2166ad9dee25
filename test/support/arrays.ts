// Array files made for tests: NPY and IDX, and zip archives of them.
import { deflateRawSync, crc32 } from "node:zlib";

export type Values = Uint8Array | Int32Array | Float32Array | Float64Array | BigInt64Array;

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  Uint8Array: "|u1",
  Int32Array: "<i4",
  Float32Array: "<f4",
  Float64Array: "<f8",
  BigInt64Array: "<i8",
};

/** @param changes to the header's dictionary, as Python text */
export function npyFile(
  values: Values,
  shape: readonly number[],
  changes: { descr?: string; order?: string; shape?: string } = {},
): Buffer {
  const {
    descr = `'${DESCRIPTIONS[values.constructor.name]}'`,
    order = "False",
    shape: sides = `(${shape.join(", ")},)`,
  } = changes;
  const dictionary = `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${sides}, }`;
  const length = Math.ceil((10 + dictionary.length + 1) / 64) * 64 - 10;
  const header = Buffer.from(
    `\x93NUMPY\x01\x00\x00\x00${dictionary.padEnd(length - 1)}\n`,
    "latin1",
  );
  header.writeUInt16LE(length, 8);
  return Buffer.concat([header, bytesOf(values)]);
}

const IDX_TYPES: Readonly<Record<string, number>> = {
  Uint8Array: 0x08,
  Int32Array: 0x0c,
  Float32Array: 0x0d,
  Float64Array: 0x0e,
};

export function idxFile(values: Exclude<Values, BigInt64Array>, shape: readonly number[]): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = IDX_TYPES[values.constructor.name]!;
  header[3] = shape.length;
  shape.forEach((side, index) => header.writeUInt32BE(side, 4 + 4 * index));
  const bytes = Buffer.from(bytesOf(values));
  if (values.BYTES_PER_ELEMENT === 4) bytes.swap32();
  if (values.BYTES_PER_ELEMENT === 8) bytes.swap64();
  return Buffer.concat([header, bytes]);
}

export interface Member {
  name: string;
  bytes: Uint8Array;
  isPacked?: boolean;
  /** In place of the true ones. */
  unpackedLength?: number;
  crc?: number;
}

/** A zip archive (PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16). */
export function zipFile(members: readonly Member[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes, isPacked = false, ...lies } of members) {
    const content = isPacked ? deflateRawSync(bytes) : Buffer.from(bytes);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(isPacked ? 8 : 0, 4);
    fields.writeUInt32LE(lies.crc ?? crc32(bytes), 10);
    fields.writeUInt32LE(content.length, 14);
    fields.writeUInt32LE(lies.unpackedLength ?? bytes.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), fields, Buffer.from(name), content]);
    const more = Buffer.alloc(14);
    more.writeUInt32LE(offset, 10);
    const central = [Buffer.from("PK\x01\x02"), Buffer.from([20, 0]), fields, more];
    directory.push(Buffer.concat([...central, Buffer.from(name)]));
    parts.push(local);
    offset += local.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(listed.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, listed, end]);
}

function bytesOf({ buffer, byteOffset, byteLength }: Values): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
