// CRC-32C (Castagnoli; RFC 3720, section 12.1), as in TensorFlow's record files. Byte by byte: the records are small.
import { crcTable } from "./crc32.js";

/** Of the reflected polynomial. */
const TABLE = crcTable(0x82f63b78);

export function crc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 255]!;
  return ~crc >>> 0;
}
