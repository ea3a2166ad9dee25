// Writes HDF5, in which Keras stores weights: groups and float32 arrays, after the "HDF5 File Format Specification Version 3.0"
// (sections in brackets). Written by hand, because the library is three megabytes of WebAssembly and writes the time into its
// files. Pure.
import { encodeLittleEndian } from "../../shared/protobuf.js";

export interface Hdf5Array {
  shape: readonly number[];
  values: Float32Array;
}

/** A group's members, by name. */
export interface Hdf5Group {
  [name: string]: Hdf5Group | Hdf5Array;
}

const SIGNATURE = "\x89HDF\r\n\x1a\n";
const SUPERBLOCK_BYTES = 96;
const HEADER_PREFIX_BYTES = 16;
/** The undefined address. */
const UNDEFINED = 0xffff_ffff_ffff_ffffn;

/** Types of header messages [IV.A.2]. */
const MESSAGE = {
  dataspace: 0x1,
  linkInfo: 0x2,
  datatype: 0x3,
  fillValue: 0x5,
  link: 0x6,
  layout: 0x8,
  groupInfo: 0xa,
} as const;

interface Message {
  type: number;
  data: Uint8Array;
}

/** The file in pieces. @param root names have at most 255 ASCII characters, groups at most 65,000 members */
export function encodeHdf5(root: Hdf5Group): Uint8Array[] {
  const file = new Hdf5File();
  const rootAddress = file.addGroup(root);
  return [superblock(rootAddress, file.byteLength), ...file.pieces];
}

/** The file after the superblock. Each object comes after those that it links to. */
class Hdf5File {
  readonly pieces: Uint8Array[] = [];
  byteLength = SUPERBLOCK_BYTES;

  /** @returns the address of its header, here and below */
  addGroup(group: Hdf5Group): number {
    const links = Object.entries(group).map(([name, item]): Message => {
      const address = isArray(item) ? this.addArray(item) : this.addGroup(item);
      // [IV.A.2.g]: version 1, no flags: a hard link, the length of its name in one byte
      return {
        type: MESSAGE.link,
        data: fields([1, 1], [0, 1], [name.length, 1], name, [address, 8]),
      };
    });
    return this.addHeader([
      // [IV.A.2.c]: version 0, no flags; links are in the header, so there is no heap and no tree
      { type: MESSAGE.linkInfo, data: fields([0, 1], [0, 1], [UNDEFINED, 8], [UNDEFINED, 8]) },
      { type: MESSAGE.groupInfo, data: fields([0, 1], [0, 1]) },
      ...links,
    ]);
  }

  private addArray({ shape, values }: Hdf5Array): number {
    const address = this.add(encodeLittleEndian(values));
    return this.addHeader([
      // [IV.A.2.b]: version 1, number of sides, no flags
      {
        type: MESSAGE.dataspace,
        data: fields([1, 1], [shape.length, 1], [0, 6], ...shape.map((side) => [side, 8] as const)),
      },
      { type: MESSAGE.datatype, data: FLOAT32 },
      // [IV.A.2.f]: version 2, space allocated early, never written, undefined
      { type: MESSAGE.fillValue, data: fields([2, 1], [1, 1], [1, 1], [0, 1]) },
      // [IV.A.2.i]: version 3, contiguous
      {
        type: MESSAGE.layout,
        data: fields([3, 1], [1, 1], [address, 8], [values.byteLength, 8]),
      },
    ]);
  }

  /** [IV.A.1.a] */
  private addHeader(messages: readonly Message[]): number {
    const bodies = messages.map(({ type, data }) => {
      const padded = pad(data);
      return Buffer.concat([fields([type, 2], [padded.length, 2], [0, 4]), padded]);
    });
    const body = Buffer.concat(bodies);
    // Version 1, the number of messages, a reference count of 1, the messages' bytes.
    const prefix = fields([1, 1], [0, 1], [messages.length, 2], [1, 4], [body.length, 4], [0, 4]);
    if (prefix.length !== HEADER_PREFIX_BYTES)
      throw new RangeError("the prefix has the wrong length");
    return this.add(Buffer.concat([prefix, body]));
  }

  /** Objects are aligned to 8 bytes. */
  private add(bytes: Uint8Array): number {
    const address = this.byteLength;
    const padded = pad(bytes);
    this.pieces.push(padded);
    this.byteLength += padded.length;
    return address;
  }
}

/**
 * [IV.A.2.d]: version 1, class 1; little-endian, the mantissa's first bit implied, the sign in bit 31; 4 bytes. Then 32 bits
 * from bit 0, the exponent's 8 from bit 23, the mantissa's 23 from bit 0, and the exponent's bias.
 */
const FLOAT32 = fields(
  ...[[0x11, 1] as const, [0x20, 1] as const, [31, 1] as const, [0, 1] as const, [4, 4] as const],
  ...[[0, 2] as const, [32, 2] as const, [23, 1] as const, [8, 1] as const, [0, 1] as const],
  ...[[23, 1] as const, [127, 4] as const],
);

/** [II.A], version 0, with the root group's entry [III.C]. */
function superblock(rootAddress: number, byteLength: number): Uint8Array {
  return fields(
    SIGNATURE,
    // Versions, then the bytes of an address and of a length.
    ...[[0, 5] as const, [8, 1] as const, [8, 1] as const, [0, 1] as const],
    // Sizes of B-trees, which this file does not have, and no flags.
    ...[[4, 2] as const, [16, 2] as const, [0, 4] as const],
    // The base, no free space, the file's end, no driver.
    ...[[0, 8] as const, [UNDEFINED, 8] as const, [byteLength, 8] as const],
    [UNDEFINED, 8],
    // No name, the header, nothing cached.
    ...[[0, 8] as const, [rootAddress, 8] as const, [0, 8] as const, [0, 8] as const],
    [0, 8],
  );
}

function isArray(item: Hdf5Group | Hdf5Array): item is Hdf5Array {
  return item["values"] instanceof Float32Array;
}

/** Concatenates little-endian numbers of the given lengths and Latin-1 text. */
function fields(
  ...parts: (string | readonly [value: number | bigint, bytes: number])[]
): Uint8Array {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === "string") return Buffer.from(part, "latin1");
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt(part[0]));
      return bytes.subarray(0, part[1]);
    }),
  );
}

/** Pads with zeros to a multiple of 8 bytes. */
function pad(bytes: Uint8Array): Uint8Array {
  const missing = -bytes.length & 7;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}
