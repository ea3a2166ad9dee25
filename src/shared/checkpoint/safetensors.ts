// The safetensors format (huggingface/safetensors, README "Format"): a uint64 LE with the header's length, the header as
// JSON, the tensors' bytes without gaps. Strict, and limited to what Tandem writes: float32 tensors and text metadata.
// A file is read once, piece by piece; each piece is hashed and checked as it is read.
import { createHash } from "node:crypto";
import { TandemError } from "../errors.js";
import { isAllFinite } from "../replica/finite.js";
import { sizeOf } from "../network/network.js";
import type { NamedTensor } from "../replica/tensors.js";
import type { ByteSource } from "./byte-source.js";

/** The file violates the format; the message says where. */
export class SafetensorsError extends Error {}

export interface TensorEntry {
  name: string;
  shape: number[];
  /** Where its bytes begin in the file. */
  position: number;
  byteLength: number;
}

export interface SafetensorsHeader {
  metadata: Record<string, string>;
  entries: TensorEntry[];
  /** The header as it is in the file. */
  bytes: Buffer;
}

const MAX_HEADER_BYTES = 100_000_000; // the public reader's own limit
export const DIGEST_KEY = "digest";
const NO_DIGEST = "0".repeat(64);
/** A multiple of float32's size; small enough that a piece is still in the processor's cache when it is hashed. */
const PIECE_BYTES = 2 ** 20;
/** Node limits buffers to 4 GiB and writes to 2 GiB. */
const MAX_WRITE_BYTES = 2 ** 30;

function alignedHeader(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  return Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8, " ")]);
}

function headerText(metadata: Record<string, string>, tensors: readonly NamedTensor[]): string {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const { name, shape, values } of tensors) {
    const end = offset + values.byteLength;
    header[name] = { dtype: "F32", shape, data_offsets: [offset, end] };
    offset = end;
  }
  return JSON.stringify(header);
}

/** The memory of the values, in pieces. */
function piecesOf(values: Float32Array, maxBytes = MAX_WRITE_BYTES): Buffer[] {
  const pieces: Buffer[] = [];
  for (let from = 0; from < values.byteLength; from += maxBytes) {
    const byteLength = Math.min(maxBytes, values.byteLength - from);
    pieces.push(Buffer.from(values.buffer, values.byteOffset + from, byteLength));
  }
  return pieces;
}

/**
 * The file's bytes, as pieces to be written one after the other. The metadata's `digest` is the SHA-256 of the file with zeros in
 * place of the digest. The same input gives the same bytes.
 */
export function encodeSafetensors(
  metadata: Record<string, string>,
  tensors: readonly NamedTensor[],
): Buffer[] {
  const data = tensors.flatMap((tensor) => piecesOf(tensor.values));
  const headerWith = (digest: string) => {
    const header = alignedHeader(headerText({ ...metadata, [DIGEST_KEY]: digest }, tensors));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    return Buffer.concat([length, header]);
  };
  const hash = createHash("sha256").update(headerWith(NO_DIGEST));
  for (const piece of data) hash.update(piece);
  return [headerWith(hash.digest("hex")), ...data];
}

/** The digest in the pieces that `encodeSafetensors` returned. */
export function digestOf([header]: readonly Uint8Array[]): string {
  const text = Buffer.from(header ?? []).toString("utf8", 8);
  const { __metadata__: metadata } = JSON.parse(text) as { __metadata__: Record<string, string> };
  return metadata[DIGEST_KEY]!;
}

/**
 * Reads the header only, not the tensors.
 * @param acceptMetadata may throw if the metadata is not the caller's; called before anything else is checked
 * @throws SafetensorsError if the header is damaged, or does not match the file's length
 */
export function readHeader(
  source: ByteSource,
  acceptMetadata: (metadata: Record<string, string>) => void,
): SafetensorsHeader {
  if (source.byteLength < 8) throw new SafetensorsError(`cut short: ${source.byteLength} bytes`);
  const length = Buffer.alloc(8);
  source.readInto(length, 0);
  const headerLength = Number(length.readBigUInt64LE(0));
  if (headerLength > MAX_HEADER_BYTES) throw new SafetensorsError("not a safetensors file");
  const dataLength = source.byteLength - 8 - headerLength;
  if (dataLength < 0) throw new SafetensorsError("cut short within the header");
  const bytes = Buffer.alloc(headerLength);
  source.readInto(bytes, 8);
  const header = parsedHeader(bytes.toString("utf8"));
  const metadata = textMap(header["__metadata__"]);
  delete header["__metadata__"];
  acceptMetadata(metadata);
  checkLength(header, dataLength);
  return { metadata, entries: entriesOf(header, 8 + headerLength), bytes };
}

/**
 * Reads the tensors, each into its own memory.
 * @throws SafetensorsError if the file was altered, or a number is not finite
 * @throws TandemError `too-large` if there is not enough memory
 */
export function readTensors(
  source: ByteSource,
  header: SafetensorsHeader,
  pieceBytes = PIECE_BYTES,
): NamedTensor[] {
  const tensors = header.entries.map(({ name, shape, byteLength }) => {
    return { name, shape, values: allocateFloats(name, byteLength / 4) };
  });
  readData(source, header, pieceBytes, (index, from, count) =>
    tensors[index]!.values.subarray(from, from + count),
  );
  return tensors;
}

/** Checks the tensors like `readTensors`, in the memory of one piece. */
export function verifyTensors(
  source: ByteSource,
  header: SafetensorsHeader,
  pieceBytes = PIECE_BYTES,
): void {
  const piece = new Float32Array(pieceBytes / 4);
  readData(source, header, pieceBytes, (_index, _from, count) => piece.subarray(0, count));
}

/** @param placeFor returns the memory for `count` values of a tensor, from value `from` on */
function readData(
  source: ByteSource,
  header: SafetensorsHeader,
  pieceBytes: number,
  placeFor: (index: number, from: number, count: number) => Float32Array,
): void {
  const { entries, metadata } = header;
  const hash = createHash("sha256");
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.bytes.length));
  hash.update(length).update(headerWithoutDigest(header));
  let nonFinite: string | undefined;
  entries.forEach(({ name, position, byteLength }, index) => {
    for (let offset = 0; offset < byteLength; offset += pieceBytes) {
      const place = placeFor(index, offset / 4, Math.min(pieceBytes, byteLength - offset) / 4);
      const bytes = new Uint8Array(place.buffer, place.byteOffset, place.byteLength);
      source.readInto(bytes, position + offset);
      hash.update(bytes);
      if (nonFinite === undefined && !isAllFinite(place)) nonFinite = name;
    }
  });
  if (hash.digest("hex") !== metadata[DIGEST_KEY]) {
    throw new SafetensorsError("altered: its digest does not match its content");
  }
  if (nonFinite !== undefined) {
    throw new SafetensorsError(`it holds numbers that are not finite: ${nonFinite}`);
  }
}

function allocateFloats(name: string, count: number): Float32Array {
  try {
    return new Float32Array(count);
  } catch (error) {
    throw new TandemError(
      "too-large",
      `Not enough memory for the tensor ${name}, ${(4e-9 * count).toFixed(1)} GB. Use a machine with more memory.`,
      { cause: error },
    );
  }
}

function parsedHeader(text: string): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw new SafetensorsError("not a safetensors file: its header is not JSON", { cause: error });
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw new SafetensorsError("not a safetensors file: its header is not an object");
  }
  return header as Record<string, unknown>;
}

function textMap(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  const entries = Object.entries(value);
  if (entries.some(([, text]) => typeof text !== "string")) {
    throw new SafetensorsError("metadata that is not text");
  }
  return Object.fromEntries(entries as [string, string][]);
}

/** Checked before the tensors, so that a truncated file is reported as cut short, not as altered. */
function checkLength(header: Record<string, unknown>, dataLength: number): void {
  const end = Object.values(header).reduce<number>(
    (last, entry) => Math.max(last, offsetsOf(entry)[1]),
    0,
  );
  if (dataLength < end) {
    throw new SafetensorsError(`cut short: ${dataLength} bytes of tensors, the header has ${end}`);
  }
  if (dataLength > end) {
    throw new SafetensorsError(`longer than its header says, by ${dataLength - end} bytes`);
  }
}

function offsetsOf(entry: unknown): [number, number] {
  const offsets = (entry as { data_offsets?: unknown } | null)?.data_offsets;
  if (!Array.isArray(offsets) || offsets.length !== 2) {
    throw new SafetensorsError("a tensor without offsets");
  }
  const [begin, end] = offsets as unknown[];
  if (!Number.isSafeInteger(begin) || !Number.isSafeInteger(end)) {
    throw new SafetensorsError("a tensor whose offsets are not whole numbers");
  }
  return [begin as number, end as number];
}

/** The header as it was hashed: with zeros in place of the digest. */
function headerWithoutDigest({ bytes, metadata }: SafetensorsHeader): Buffer {
  const digest = metadata[DIGEST_KEY];
  if (digest === undefined) throw new SafetensorsError("it has no digest");
  const marked = `"${DIGEST_KEY}":"${digest}"`;
  const place = bytes.indexOf(marked);
  const blanked = Buffer.from(bytes);
  if (place >= 0) blanked.write(marked.replace(digest, NO_DIGEST), place);
  return blanked;
}

function entriesOf(header: Record<string, unknown>, dataPosition: number): TensorEntry[] {
  let offset = 0;
  return Object.entries(header).map(([name, entry]) => {
    const { dtype, shape } = entry as { dtype?: unknown; shape?: unknown };
    if (dtype !== "F32") throw new SafetensorsError(`${name} is not float32`);
    const isShape =
      Array.isArray(shape) && shape.every((side) => Number.isSafeInteger(side) && side >= 0);
    if (!isShape) throw new SafetensorsError(`${name} has no shape`);
    const [begin, end] = offsetsOf(entry);
    const byteLength = 4 * sizeOf(shape as number[]);
    if (begin !== offset || end !== begin + byteLength) {
      throw new SafetensorsError(`${name}: offsets that do not fit its shape`);
    }
    offset = end;
    return { name, shape: shape as number[], position: dataPosition + begin, byteLength };
  });
}
