// Writes a zip archive without compression (PKWARE's APPNOTE.TXT 6.3, sections in brackets), for .keras files. All times are the
// format's earliest, so equal contents give equal bytes. Pure.
import { crc32 } from "../../shared/digest/crc32.js";
import type { ExportFile } from "../export-format.js";

/** Without the zip64 extension. */
export const MAX_ZIP_BYTES = 2 ** 32 - 1;

/** 2.0 [4.4.3] */
const VERSION = 20;
/** 1 January 1980 [4.4.6] */
const DATE = 0x21;

/** @throws RangeError if the archive would be larger than `MAX_ZIP_BYTES` */
export function encodeZip(files: readonly ExportFile[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const entries: Uint8Array[] = [];
  let offset = 0;
  for (const { path, pieces: content } of files) {
    const name = Buffer.from(path, "ascii");
    const byteLength = content.reduce((sum, piece) => sum + piece.length, 0);
    const checksum = content.reduce((crc, piece) => crc32(piece, crc), 0);
    const common = commonFields(checksum, byteLength, name.length);
    const header = Buffer.concat([u32(0x04034b50), common, name]); // [4.3.7]
    // [4.3.12]: the version made by; no comment, first disk, no attributes; the offset of the header
    const entry = [u32(0x02014b50), u16(VERSION), common, Buffer.alloc(10), u32(offset), name];
    entries.push(Buffer.concat(entry));
    pieces.push(header, ...content);
    offset += header.length + byteLength;
    if (offset > MAX_ZIP_BYTES) throw new RangeError("the archive is larger than 4 GiB");
  }
  const directory = Buffer.concat(entries);
  const counts = [u16(files.length), u16(files.length)];
  const end = [u32(0x06054b50), u32(0), ...counts, u32(directory.length), u32(offset), u16(0)];
  return [...pieces, directory, Buffer.concat(end)]; // [4.3.16]
}

/** Version, no flags, no compression, time and date, checksum, two lengths, the length of the name, no extra fields. */
function commonFields(checksum: number, byteLength: number, nameLength: number): Buffer {
  const [before, lengths] = [[VERSION, 0, 0, 0, DATE].map(u16), [u32(byteLength), u32(byteLength)]];
  return Buffer.concat([...before, u32(checksum), ...lengths, u16(nameLength), u16(0)]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
