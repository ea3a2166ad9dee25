// One WebSocket message of Tandem's: a small header, and the tensors behind it as bytes.
//
//   offset 0   uint32 LE: length H of the header
//   offset 4   uint32 LE: CRC-32 of everything after it
//   offset 8   H bytes: the header, MessagePack
//   then       zero bytes up to a multiple of 8
//   then       the parts in the header's order, each followed by zero bytes up to a multiple of 8
//
// The header's `parts` lists the parts' lengths in bytes. Numbers in parts are little-endian.
// Where the header has a `tail`, a list of lengths in bytes, so many more parts follow in messages of their own, each of
// bytes of one part alone: large tensors go from where they are to the socket, and from the socket to where they are used,
// in pieces that stay in the processor's cache on the way.
//
// TCP's own checksum lets through one damaged packet in some ten thousand (Stone and Partridge, "When the CRC and TCP checksum
// disagree", 2000), and one flipped bit in a gradient, a weight or a configuration is enough to end in another file.
import { crc32 } from "../digest/crc32.js";
import { MessagePackError, packMap, unpackMap } from "./message-pack.js";

const ALIGNMENT = 8;
const PREFIX_BYTES = 8;
const NOTHING = new Uint8Array(0);

/** What a frame may have at most; the bound on a header's bytes is one on what decoding it allocates. */
export interface FrameLimits {
  headerBytes: number;
  /** In the message itself, and again in the tail. */
  parts: number;
}

/** A length of at most 2^32 − 1 is one byte for its type and four for its value. */
const LENGTH_BYTES = 5;
/** A header's other fields. */
const FIELDS_BYTES = 2048;
/** A result has a part for each parameter, and two for each batch-norm layer; `MAX_LAYERS` in network/limits.ts. */
const MAX_PARTS = 4096;

/** What a coordinator accepts from workers. */
export const WORKER_FRAME_LIMITS: FrameLimits = {
  headerBytes: FIELDS_BYTES + MAX_PARTS * LENGTH_BYTES,
  parts: MAX_PARTS,
};

/** For limits on whole messages. */
export const MAX_HEADER_BYTES = WORKER_FRAME_LIMITS.headerBytes;

/** Shards that an update lists as left out; more are sent rather than listed. */
export const MAX_LISTED_SHARDS = 1024;

/** What a worker accepts from its coordinator: a state's tail, and an update's two lists of shards, besides the parts. */
export const COORDINATOR_FRAME_LIMITS: FrameLimits = {
  headerBytes: FIELDS_BYTES + (2 * MAX_PARTS + 2 * MAX_LISTED_SHARDS) * LENGTH_BYTES,
  parts: MAX_PARTS,
};

/** Of a part in a tail. */
const MAX_TAIL_PART_BYTES = 2 ** 31;

export interface Frame {
  header: Record<string, unknown>;
  parts: Uint8Array[];
  /** Bytes of the parts that are still to come. */
  tail: number[];
}

/** What arrived cannot be a frame: the sender is at fault. */
export class FrameError extends Error {}

function padded(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

/**
 * The frame as one piece of memory: sent in fragments, it would be put together, and so copied, at each receiver.
 * @param tail bytes of the parts that follow in messages of their own, none of them empty
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
 * Takes time and memory in proportion to the bytes that are there, whatever they declare.
 * @param bytes one whole message; the parts are views of it
 * @param limits where the message is a coordinator's, `COORDINATOR_FRAME_LIMITS`
 * @throws FrameError where the bytes are not exactly one frame
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
  if (offset !== bytes.byteLength) throw new FrameError("length and list of parts do not agree");
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

/** The part's numbers, without a copy where its place in memory allows. */
export function asFloats(part: Uint8Array): Float32Array {
  if (part.byteLength % 4 !== 0) throw new FrameError("a part is not of float32");
  if (part.byteOffset % 4 === 0) {
    return new Float32Array(part.buffer, part.byteOffset, part.byteLength / 4);
  }
  // Not `slice`: of a Buffer it is no copy.
  return new Float32Array(new Uint8Array(part).buffer);
}

/** As `asFloats`, of int32. */
export function asIntegers(part: Uint8Array): Int32Array {
  if (part.byteLength % 4 !== 0) throw new FrameError("a part is not of int32");
  if (part.byteOffset % 4 === 0) {
    return new Int32Array(part.buffer, part.byteOffset, part.byteLength / 4);
  }
  return new Int32Array(new Uint8Array(part).buffer);
}
