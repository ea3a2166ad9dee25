// The safetensors format (huggingface/safetensors, README "Format"): a uint64 LE with the header's length, the header as
// JSON, the tensors' bytes without gaps. Read strictly, and as far as Tandem writes it: float32 tensors and text metadata.
import { createHash } from "node:crypto";
import { sizeOf } from "../model/network.js";
import type { NamedTensor } from "../model/values.js";

/** The file is not what the format asks for; the message says where. */
export class SafetensorsError extends Error {}

export interface SafetensorsFile {
  metadata: Record<string, string>;
  tensors: NamedTensor[];
}

const MAX_HEADER_BYTES = 100_000_000; // the public reader's own limit
const DIGEST_KEY = "digest";
const NO_DIGEST = "0".repeat(64);

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

function bytesOf(values: Float32Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

/**
 * The file's bytes, as pieces to be written one after the other. A SHA-256 of all the file, taken with zeros in its own
 * place, goes into the metadata as `digest`. The same input gives the same bytes.
 */
export function encodeSafetensors(
  metadata: Record<string, string>,
  tensors: readonly NamedTensor[],
): Buffer[] {
  const data = tensors.map((tensor) => bytesOf(tensor.values));
  const headerWith = (digest: string) => {
    const header = alignedHeader(headerText({ ...metadata, [DIGEST_KEY]: digest }, tensors));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    return Buffer.concat([length, header]);
  };
  return [headerWith(digestOf([headerWith(NO_DIGEST), ...data])), ...data];
}

function digestOf(pieces: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
}

/**
 * @param acceptMetadata may throw where the metadata is not the caller's; called before the tensors are looked at
 * @throws SafetensorsError where the bytes are not a whole, unaltered file as `encodeSafetensors` writes it
 */
export function decodeSafetensors(
  file: Buffer,
  acceptMetadata: (metadata: Record<string, string>) => void,
): SafetensorsFile {
  if (file.length < 8) throw new SafetensorsError(`cut short: ${file.length} bytes`);
  const headerLength = Number(file.readBigUInt64LE(0));
  if (headerLength > MAX_HEADER_BYTES) throw new SafetensorsError("not a safetensors file");
  if (8 + headerLength > file.length) throw new SafetensorsError("cut short within the header");
  const headerBytes = file.subarray(8, 8 + headerLength);
  const header = parsedHeader(headerBytes.toString("utf8"));
  const metadata = textMap(header["__metadata__"]);
  delete header["__metadata__"];
  const data = file.subarray(8 + headerLength);
  acceptMetadata(metadata);
  checkDigest(file, headerBytes, metadata, data, header);
  return { metadata, tensors: tensorsOf(header, data) };
}

function parsedHeader(text: string): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw new SafetensorsError("not a safetensors file: its header is not JSON", { cause: error });
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw new SafetensorsError("not a safetensors file: its header is no object");
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

function endOfData(header: Record<string, unknown>): number {
  return Object.values(header).reduce<number>(
    (end, entry) => Math.max(end, offsetsOf(entry)[1]),
    0,
  );
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

/** Length first, then the digest: a file that is cut is called cut, and not altered. */
function checkDigest(
  file: Buffer,
  headerBytes: Buffer,
  metadata: Record<string, string>,
  data: Buffer,
  header: Record<string, unknown>,
): void {
  const end = endOfData(header);
  if (data.length < end) {
    throw new SafetensorsError(`cut short: ${data.length} bytes of tensors, the header has ${end}`);
  }
  if (data.length > end) {
    throw new SafetensorsError(`longer than its header says, by ${data.length - end} bytes`);
  }
  const digest = metadata[DIGEST_KEY];
  if (digest === undefined) throw new SafetensorsError("it carries no digest");
  const marked = `"${DIGEST_KEY}":"${digest}"`;
  const place = headerBytes.indexOf(marked);
  const blanked = Buffer.from(headerBytes);
  if (place >= 0) blanked.write(marked.replace(digest, NO_DIGEST), place);
  if (digestOf([file.subarray(0, 8), blanked, data]) !== digest) {
    throw new SafetensorsError("altered: its digest does not fit its content");
  }
}

function tensorsOf(header: Record<string, unknown>, data: Buffer): NamedTensor[] {
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
    // A copy of its own: aligned, and free of the file's buffer.
    const values = new Float32Array(new Uint8Array(data.subarray(begin, end)).buffer);
    return { name, shape: shape as number[], values };
  });
}
