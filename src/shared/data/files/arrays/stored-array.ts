// An array in a file: its checked header, and its values, which are not read until they are needed. Packed arrays are unpacked in
// memory, but only after the length in their header has been checked.
import { constants as zlib, gunzipSync } from "node:zlib";
import { messageOf, TandemError } from "../../../errors.js";
import { type ArrayHeader, checkLength, damagedArray } from "./array-header.js";
import { type ByteSource, DiskBytes, DiskFile, loadBytes, MemoryBytes } from "../byte-source.js";
import { IDX_HEADER_BYTES, parseIdxHeader } from "./idx.js";
import { isNpy, NPY_HEADER_BYTES, parseNpyHeader } from "./npy.js";

/** Limit for packed files, as they are unpacked in memory. */
export const MAX_UNPACKED_BYTES = 2 ** 31;
/** The largest compression ratio of deflate (zlib's technical details). */
export const MAX_DEFLATE_RATIO = 1032;

/** The longest header of an array. */
export const ARRAY_HEADER_BYTES = Math.max(IDX_HEADER_BYTES, NPY_HEADER_BYTES);
/** Enough of a gzip stream to unpack a header from, even if a long file name precedes it. */
const PACKED_BEGINNING_BYTES = 2 ** 16;

export interface StoredArray extends ArrayHeader {
  source: ByteSource;
}

/** Bytes of the values. */
export function valueBytes({ shape, type }: ArrayHeader): number {
  return shape.reduce((product, side) => product * side, type.byteLength);
}

/** The format of an array; `any`: recognized by its first bytes. */
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
 * @param byteLength of header and values, to be checked; undefined: not known yet
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

/** Opens an array in a separate file, plain or gzipped (recognized by its first two bytes). @throws as `readArray` */
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
  // The stream is truncated here.
  const options = { finishFlush: zlib.Z_SYNC_FLUSH };
  const beginning = gunzip(name, start, options).subarray(0, ARRAY_HEADER_BYTES);
  const header = parseHeader(name, beginning, undefined, format);
  const byteLength = header.byteOffset + valueBytes(header);
  if (Math.max(byteLength, packedBytes) > MAX_UNPACKED_BYTES) {
    throw new TandemError(
      "data-format",
      `${name}: it unpacks to more than ${MAX_UNPACKED_BYTES} bytes, which is too much for memory. Unpack it: gunzip FILE.`,
    );
  }
  if (byteLength > MAX_DEFLATE_RATIO * packedBytes) {
    throw damagedArray(name, `${packedBytes} bytes cannot unpack to ${byteLength}`);
  }
  const { bytes = new Uint8Array() } = await loadBytes(source);
  // One chunk, with one extra byte that a stream that is too long would fill.
  const limits = { maxOutputLength: byteLength + 1, chunkSize: Math.max(64, byteLength + 1) };
  return new MemoryBytes(name, gunzip(name, bytes, limits, byteLength));
}

/** @param byteLength the expected length */
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
      ? `it unpacks to more than the ${byteLength} bytes that its header requires`
      : `the gzip stream is damaged (${messageOf(error)})`;
    throw damagedArray(name, what, error);
  }
}
