// An array in a file: its header, read and checked, and its values, which stay where they are until they are asked for.
import { gunzipSync } from "node:zlib";
import { messageOf } from "../../errors.js";
import { type ArrayHeader, damagedArray } from "./array-header.js";
import { type ByteSource, DiskBytes, DiskFile, loadBytes, MemoryBytes } from "./byte-source.js";
import { IDX_HEADER_BYTES, parseIdxHeader } from "./idx.js";
import { isNpy, NPY_HEADER_BYTES, parseNpyHeader } from "./npy.js";

/** Of a file that is packed: it has to be unpacked in memory. */
export const MAX_UNPACKED_BYTES = 2 ** 31;

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
  const { name, byteLength } = source;
  if (byteLength === 0) throw damagedArray(name, "it is empty");
  const length = Math.min(byteLength, Math.max(IDX_HEADER_BYTES, NPY_HEADER_BYTES));
  const beginning = source.bytes?.subarray(0, length) ?? new Uint8Array(length);
  if (!source.bytes) await source.read(beginning, 0);
  const isOfNumPy = format === "any" ? isNpy(beginning) : format === "npy";
  const parse = isOfNumPy ? parseNpyHeader : parseIdxHeader;
  return { ...parse(name, beginning, byteLength), source };
}

/** An array in a file of its own, plain or gzipped (by its first two bytes, not by its name). @throws as `readArray` */
export async function openArray(file: DiskFile, format?: ArrayFormat): Promise<StoredArray> {
  const source = new DiskBytes(file);
  const start = new Uint8Array(Math.min(2, source.byteLength));
  await source.read(start, 0);
  const isPacked = start[0] === 0x1f && start[1] === 0x8b;
  return readArray(isPacked ? await unzip(source) : source, format);
}

async function unzip(source: ByteSource): Promise<ByteSource> {
  const { bytes = new Uint8Array() } = await loadBytes(source);
  try {
    const options = { maxOutputLength: MAX_UNPACKED_BYTES };
    return new MemoryBytes(source.name, gunzipSync(bytes, options));
  } catch (error) {
    const what = `the gzip stream is damaged, or has more than ${MAX_UNPACKED_BYTES} bytes (${messageOf(error)})`;
    throw damagedArray(source.name, what, error);
  }
}
