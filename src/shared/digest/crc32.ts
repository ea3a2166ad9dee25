// The CRC-32 of zip and PNG (ISO-HDLC; reflected polynomial 0xedb88320), for browsers and Node on little-endian machines.
// Node's own is faster (docs/architecture.md); node-digests.ts installs it.

const POLYNOMIAL = 0xedb88320;
const BLOCK_BYTES = 16;
const TABLES = createTables();

/**
 * Table d has the checksum of each byte followed by d zero bytes, so that the bytes of a block can be looked up independently
 * of each other ("slicing"; Kounavis and Berry, "Novel table lookup-based algorithms for high-performance CRC generation",
 * IEEE Transactions on Computers 57(11), 2008).
 */
function createTables(): Int32Array {
  const all = new Int32Array(256 * BLOCK_BYTES);
  all.set(crcTable(POLYNOMIAL));
  for (let index = 256; index < all.length; index++) {
    const shorter = all[index - 256]!;
    all[index] = (shorter >>> 8) ^ all[shorter & 255]!;
  }
  return all;
}

/** The checksum of each byte, without the inversions before and after. @param polynomial with its bits reflected */
export function crcTable(polynomial: number): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    return crc;
  });
}

/** @param previous the checksum of the preceding bytes */
export function crc32InScript(bytes: Uint8Array, previous = 0): number {
  const { buffer, byteOffset, length } = bytes;
  const blocksFrom = Math.min(length, -byteOffset & 3);
  const wordCount = Math.floor((length - blocksFrom) / BLOCK_BYTES) * 4;
  let crc = byBytes(bytes.subarray(0, blocksFrom), ~previous);
  if (wordCount > 0)
    crc = byBlocks(new Int32Array(buffer, byteOffset + blocksFrom, wordCount), crc);
  return ~byBytes(bytes.subarray(blocksFrom + 4 * wordCount), crc) >>> 0;
}

function byBytes(bytes: Uint8Array, from: number): number {
  let crc = from;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLES[(crc ^ byte) & 255]!;
  return crc;
}

/** The first byte of a block is looked up in the last table, as fifteen bytes follow it. */
function byBlocks(words: Int32Array, from: number): number {
  const table = TABLES;
  let crc = from;
  for (let at = 0; at < words.length; at += 4) {
    const a = words[at]! ^ crc;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    crc =
      table[3840 | (a & 255)]! ^
      table[3584 | ((a >>> 8) & 255)]! ^
      table[3328 | ((a >>> 16) & 255)]! ^
      table[3072 | (a >>> 24)]! ^
      table[2816 | (b & 255)]! ^
      table[2560 | ((b >>> 8) & 255)]! ^
      table[2304 | ((b >>> 16) & 255)]! ^
      table[2048 | (b >>> 24)]! ^
      table[1792 | (c & 255)]! ^
      table[1536 | ((c >>> 8) & 255)]! ^
      table[1280 | ((c >>> 16) & 255)]! ^
      table[1024 | (c >>> 24)]! ^
      table[768 | (d & 255)]! ^
      table[512 | ((d >>> 8) & 255)]! ^
      table[256 | ((d >>> 16) & 255)]! ^
      table[d >>> 24]!;
  }
  return crc;
}

export type Crc32 = (bytes: Uint8Array, previous?: number) => number;

let fastest: Crc32 = crc32InScript;

/** Installs another implementation. */
export function useCrc32(implementation: Crc32): void {
  fastest = implementation;
}

/** @param previous the checksum of the preceding bytes */
export function crc32(bytes: Uint8Array, previous = 0): number {
  return fastest(bytes, previous);
}
