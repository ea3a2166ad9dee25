// The format of one WebSocket message: a small header, followed by tensors as bytes.
//
//   offset 0   uint32 LE: length H of the header
//   offset 4   uint32 LE: CRC-32 of everything after it
//   offset 8   H bytes: the header, MessagePack
//   then       zero bytes up to a multiple of 8
//   then       the parts in the header's order, each followed by zero bytes up to a multiple of 8
//
// The header's `parts` lists the parts' lengths in bytes. Numbers in parts are little-endian.
// If the header has a `tail`, a list of lengths in bytes, these parts follow in further messages, each with bytes of one part
// only. So large tensors are copied straight from their memory to the socket and from the socket to their memory, in chunks
// that stay in the processor's cache.
//
// TCP's own checksum misses about one damaged packet in ten thousand (Stone and Partridge, "When the CRC and TCP checksum
// disagree", 2000), and one flipped bit in a gradient, a weight or a configuration changes the final checkpoint.
import { crc32 } from "../digest/crc32.js";
import { MessagePackError, packMap, unpackMap } from "./message-pack.js";

const ALIGNMENT = 8;
const PREFIX_BYTES = 8;
const NOTHING = new Uint8Array(0);

/** Limits on a frame. The one on the header's bytes also bounds what decoding it allocates. */
export interface FrameLimits {
  headerBytes: number;
  /** In the message itself, and again in the tail. */
  parts: number;
}

/** MessagePack encodes a length of up to 2^32 − 1 in a byte for its type and four for its value. */
const LENGTH_BYTES = 5;
/** For the header's other fields. */
const FIELDS_BYTES = 2048;
/** A result has one part per parameter and two per batch-norm layer; `MAX_LAYERS` (network/limits.ts) limits these. */
const MAX_PARTS = 4096;

/** What a coordinator accepts from workers. */
export const WORKER_FRAME_LIMITS: FrameLimits = {
  headerBytes: FIELDS_BYTES + MAX_PARTS * LENGTH_BYTES,
  parts: MAX_PARTS,
};

/** For limits on whole messages. */
export const MAX_HEADER_BYTES = WORKER_FRAME_LIMITS.headerBytes;

/** How many shards an update may list as omitted; the factors of others are sent. */
export const MAX_LISTED_SHARDS = 1024;

/** What a worker accepts from its coordinator: a state's tail, and an update's two lists of shards, besides the parts. */
export const COORDINATOR_FRAME_LIMITS: FrameLimits = {
  headerBytes: FIELDS_BYTES + (2 * MAX_PARTS + 2 * MAX_LISTED_SHARDS) * LENGTH_BYTES,
  parts: MAX_PARTS,
};

/** The largest part of a tail. */
const MAX_TAIL_PART_BYTES = 2 ** 31;

export interface Frame {
  header: Record<string, unknown>;
  parts: Uint8Array[];
  /** Bytes of the parts that are still to come. */
  tail: number[];
}

/** The bytes received are not a valid frame: the sender is at fault. */
export class FrameError extends Error {}

function padded(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

/**
 * The frame as one array: if it were sent in fragments, each receiver would have to join, and so copy, them.
 * @param tail byte lengths of the parts that follow in further messages, none of them empty
 */
export function encodeFrame(
  header: object,
  parts: readonly ArrayBufferView[] = [],
  tail: readonly number[] = [],
): Uint8Array {
  const lengths = parts.map((part) => part.byteLength);
  const packed = packMap({ ...header, parts: lengths, ...(tail.length === 0 ? {} : { tail }) });
  const headLength = padded(PREFIX_BYTES + packed.byteLength);
  const length = parts.reduce((total, part) => total + padded(part.byteLength), headLength);
  const frame = new Uint8Array(length);
  new DataView(frame.buffer).setUint32(0, packed.byteLength, true);
  frame.set(packed, PREFIX_BYTES);
  let offset = headLength;
  for (const part of parts) {
    frame.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), offset);
    offset += padded(part.byteLength);
  }
  return sealFrame(frame);
}

/** Writes the checksum of a frame that is otherwise complete. */
export function sealFrame<T extends Uint8Array>(frame: T): T {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  view.setUint32(4, crc32(frame.subarray(PREFIX_BYTES)), true);
  return frame;
}

/**
 * Takes time and memory in proportion to the actual bytes, whatever lengths they declare.
 * @param bytes one complete message; the parts are views of it
 * @param limits `COORDINATOR_FRAME_LIMITS` if the message comes from a coordinator
 * @throws FrameError if the bytes are not exactly one frame
 */
export function decodeFrame(bytes: Uint8Array, limits: FrameLimits = WORKER_FRAME_LIMITS): Frame {
  if (bytes.byteLength < PREFIX_BYTES) throw new FrameError("shorter than a frame's prefix");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = view.getUint32(0, true);
  if (headerLength > limits.headerBytes) throw new FrameError("header too long");
  const headerEnd = PREFIX_BYTES + headerLength;
  if (headerEnd > bytes.byteLength) throw new FrameError("header cut short");
  if (view.getUint32(4, true) !== crc32(bytes.subarray(PREFIX_BYTES))) {
    throw new FrameError("the checksum does not match");
  }
  const header = unpackHeader(bytes.subarray(PREFIX_BYTES, headerEnd));
  const lengths = partLengths(header["parts"], limits);
  const tail = header["tail"] === undefined ? [] : partLengths(header["tail"], limits);
  const parts: Uint8Array[] = [];
  let offset = padded(headerEnd);
  for (const length of lengths) {
    if (offset + length > bytes.byteLength) throw new FrameError("parts cut short");
    parts.push(length === 0 ? NOTHING : bytes.subarray(offset, offset + length));
    offset += padded(length);
  }
  if (offset !== bytes.byteLength)
    throw new FrameError("the length does not match the list of parts");
  for (const length of tail) {
    if (length === 0) throw new FrameError("a part of a tail is empty");
    if (length > MAX_TAIL_PART_BYTES) throw new FrameError("a part of a tail is too long");
  }
  delete header["parts"];
  delete header["tail"];
  return { header, parts, tail };
}

function partLengths(value: unknown, { parts }: FrameLimits): number[] {
  if (!Array.isArray(value)) throw new FrameError("no list of parts");
  if (value.length > parts) throw new FrameError(`more than ${parts} parts`);
  for (const length of value as unknown[]) {
    if (typeof length !== "number" || !Number.isSafeInteger(length) || length < 0) {
      throw new FrameError("a part's length is not a whole number");
    }
  }
  return value as number[];
}

function unpackHeader(bytes: Uint8Array): Record<string, unknown> {
  try {
    return unpackMap(bytes);
  } catch (error) {
    if (!(error instanceof MessagePackError)) throw error;
    throw new FrameError(`header: ${error.message}`, { cause: error });
  }
}

/** The part as float32, without a copy if it is aligned. */
export function asFloats(part: Uint8Array): Float32Array {
  if (part.byteLength % 4 !== 0) throw new FrameError("a part is not of float32");
  if (part.byteOffset % 4 === 0) {
    return new Float32Array(part.buffer, part.byteOffset, part.byteLength / 4);
  }
  // Not `slice`, which does not copy a Buffer.
  return new Float32Array(new Uint8Array(part).buffer);
}

/** As `asFloats`, for int32. */
export function asIntegers(part: Uint8Array): Int32Array {
  if (part.byteLength % 4 !== 0) throw new FrameError("a part is not of int32");
  if (part.byteOffset % 4 === 0) {
    return new Int32Array(part.buffer, part.byteOffset, part.byteLength / 4);
  }
  return new Int32Array(new Uint8Array(part).buffer);
}
