// An array in a file: its header, read and checked, and its values, which stay where they are until they are asked for. What is
// packed is unpacked in memory, but not before its header has said how long it is.
import { constants as zlib, gunzipSync } from "node:zlib";
import { messageOf, TandemError } from "../../errors.js";
import { type ArrayHeader, checkLength, damagedArray } from "./array-header.js";
import { type ByteSource, DiskBytes, DiskFile, loadBytes, MemoryBytes } from "./byte-source.js";
import { IDX_HEADER_BYTES, parseIdxHeader } from "./idx.js";
import { isNpy, NPY_HEADER_BYTES, parseNpyHeader } from "./npy.js";

/** Of a file that is packed: it has to be unpacked in memory. */
export const MAX_UNPACKED_BYTES = 2 ** 31;
/** No deflated stream is longer than this many times its packed length (zlib's technical details). */
export const MAX_DEFLATE_RATIO = 1032;

/** The longest beginning of an array that says what it is. */
export const ARRAY_HEADER_BYTES = Math.max(IDX_HEADER_BYTES, NPY_HEADER_BYTES);
/** So much of a gzip stream unpacks to a header, also where a long name is in front of it. */
const PACKED_BEGINNING_BYTES = 2 ** 16;

export interface StoredArray extends ArrayHeader {
  source: ByteSource;
}

/** How many bytes the values have. */
export function valueBytes({ shape, type }: ArrayHeader): number {
  return shape.reduce((product, side) => product * side, type.byteLength);
}

/** What an array is stored as; `any`: by its first bytes. */
export type ArrayFormat = "idx" | "npy" | "any";

/** @throws TandemError `data-…`, naming the file */
export async function readArray(
  source: ByteSource,
  format: ArrayFormat = "any",
): Promise<StoredArray> {
  const { byteLength } = source;
  const length = Math.min(byteLength, ARRAY_HEADER_BYTES);
  const beginning = source.bytes?.subarray(0, length) ?? new Uint8Array(length);
  if (!source.bytes) await source.read(beginning, 0);
  return { ...parseHeader(source.name, beginning, byteLength, format), source };
}

/**
 * @param beginning the first `ARRAY_HEADER_BYTES`, or all of it
 * @param byteLength of header and values; undefined: not known yet
 * @throws TandemError `data-…`, naming the file
 */
export function parseHeader(
  name: string,
  beginning: Uint8Array,
  byteLength: number | undefined,
  format: ArrayFormat,
): ArrayHeader {
  if (beginning.length === 0) throw damagedArray(name, "it is empty");
  const isOfNumPy = format === "any" ? isNpy(beginning) : format === "npy";
  const header = (isOfNumPy ? parseNpyHeader : parseIdxHeader)(name, beginning);
  if (byteLength !== undefined) checkLength(name, header, byteLength);
  return header;
}

/** An array in a file of its own, plain or gzipped (by its first two bytes, not by its name). @throws as `readArray` */
export async function openArray(file: DiskFile, format: ArrayFormat = "any"): Promise<StoredArray> {
  const source = new DiskBytes(file);
  const start = new Uint8Array(Math.min(2, source.byteLength));
  await source.read(start, 0);
  const isPacked = start[0] === 0x1f && start[1] === 0x8b;
  return readArray(isPacked ? await unzip(source, format) : source, format);
}

async function unzip(source: ByteSource, format: ArrayFormat): Promise<ByteSource> {
  const { name, byteLength: packedBytes } = source;
  const start = new Uint8Array(Math.min(packedBytes, PACKED_BEGINNING_BYTES));
  await source.read(start, 0);
  // It goes on behind these bytes.
  const options = { finishFlush: zlib.Z_SYNC_FLUSH };
  const beginning = gunzip(name, start, options).subarray(0, ARRAY_HEADER_BYTES);
  const header = parseHeader(name, beginning, undefined, format);
  const byteLength = header.byteOffset + valueBytes(header);
  if (Math.max(byteLength, packedBytes) > MAX_UNPACKED_BYTES) {
    throw new TandemError(
      "data-format",
      `${name}: it unpacks to more than ${MAX_UNPACKED_BYTES} bytes, and would have to be in memory. Unpack it: gunzip FILE.`,
    );
  }
  if (byteLength > MAX_DEFLATE_RATIO * packedBytes) {
    throw damagedArray(name, `${packedBytes} bytes cannot unpack to ${byteLength}`);
  }
  const { bytes = new Uint8Array() } = await loadBytes(source);
  // In one piece, and one byte more, which a stream that is too long fills.
  const limits = { maxOutputLength: byteLength + 1, chunkSize: Math.max(64, byteLength + 1) };
  return new MemoryBytes(name, gunzip(name, bytes, limits, byteLength));
}

/** @param byteLength that is expected */
function gunzip(
  name: string,
  bytes: Uint8Array,
  options: Parameters<typeof gunzipSync>[1],
  byteLength?: number,
): Uint8Array {
  try {
    return gunzipSync(bytes, options);
  } catch (error) {
    const isTooLong =
      error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    const what = isTooLong
      ? `it unpacks to more than the ${byteLength} bytes that its header asks for`
      : `the gzip stream is damaged (${messageOf(error)})`;
    throw damagedArray(name, what, error);
  }
}
