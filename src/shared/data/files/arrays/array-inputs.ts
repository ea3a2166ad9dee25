// The inputs in an array file: the shape of a sample, and a single pass over all values that checks and digests them.
import { crc32 } from "node:zlib";
import { TandemError } from "../../../errors.js";
import { MAX_SAMPLE_VALUES, MAX_SIDE } from "../../../network/limits.js";
import { sizeOf } from "../../../network/network.js";
import { isAllFinite } from "../../../replica/finite.js";
import { type ArrayHeader, damagedArray } from "./array-header.js";
import { notFinite } from "./array-targets.js";
import { type ByteSource, readChunks } from "../byte-source.js";
import type { DataDigest } from "./data-digest.js";
import type { StoredArray } from "./stored-array.js";
import { decodeInputs, inputTypeOf, typeName } from "./value-type.js";

/** Shape and type of the samples of an array. */
export interface InputSpec {
  inputShape: number[];
  inputType: "uint8" | "float32";
}

/**
 * Samples of the shape [h, w] are images with one channel.
 * @throws TandemError `data-format` if such arrays are not supported, `data-file-damaged` if sizes are absurd
 */
export function inputSpecOf(file: string, { type, shape }: ArrayHeader): InputSpec {
  const inputType = inputTypeOf(type);
  if (!inputType) {
    throw new TandemError(
      "data-format",
      `${file}: inputs of ${typeName(type)}. Convert them: x.astype("uint8") for pixels from 0 to 255, which stand for value/255, else x.astype("float32").`,
    );
  }
  const [count, ...sides] = shape;
  if (sides.length === 0) {
    throw new TandemError(
      "data-format",
      `${file}: one number per sample (${count} samples), but samples need at least one side. Reshape the array: x.reshape(-1, 1).`,
    );
  }
  if (count === 0 || sides.includes(0)) throw damagedArray(file, "it holds no samples");
  const isImage = sides.length > 1;
  if (sizeOf(sides) > MAX_SAMPLE_VALUES || (isImage && sides.some((side) => side > MAX_SIDE))) {
    throw damagedArray(
      file,
      `samples of ${sides.join(" × ")}; at most ${MAX_SIDE} × ${MAX_SIDE} pixels and ${MAX_SAMPLE_VALUES} values are supported`,
    );
  }
  return { inputShape: sides.length === 2 ? [...sides, 1] : sides, inputType };
}

/** @throws TandemError `data-values` for the first value that is not finite, `data-file-damaged` for a wrong checksum */
export async function scanInputs(
  array: StoredArray,
  { inputShape, inputType }: InputSpec,
  digest: DataDigest,
): Promise<void> {
  const { source, byteOffset, type, shape } = array;
  digest.begin(inputType, [shape[0]!, ...inputShape]);
  let crc = await crcOfHeader(source, byteOffset);
  let valueCount = 0;
  for await (const chunk of readChunks(source, byteOffset)) {
    if (crc !== undefined) crc = crc32(chunk, crc);
    const values = decodeInputs(type, chunk);
    if (values instanceof Float32Array && !isAllFinite(values)) {
      throw notFinite(source.name, values, sizeOf(inputShape), valueCount);
    }
    digest.add(values);
    valueCount += values.length;
  }
  if (crc !== source.crc32) throw wrongChecksum(source);
}

/** Checks the checksum of a source in memory. @throws TandemError `data-file-damaged` */
export function checkSource(source: ByteSource): void {
  if (source.crc32 === undefined || !source.bytes) return;
  if (crc32(source.bytes) !== source.crc32) throw wrongChecksum(source);
}

async function crcOfHeader(source: ByteSource, length: number): Promise<number | undefined> {
  if (source.crc32 === undefined) return undefined;
  const header = new Uint8Array(length);
  await source.read(header, 0);
  return crc32(header);
}

function wrongChecksum({ name }: ByteSource): TandemError {
  return damagedArray(name, "its content does not match the archive's checksum");
}
