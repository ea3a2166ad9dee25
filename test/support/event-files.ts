// Reads TensorBoard's event files with google-protobuf, and the records' checksums bit by bit: nothing of what writes them.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

export interface ReadHistogram {
  min: number;
  max: number;
  num: number;
  sum: number;
  sumSquares: number;
  limits: number[];
  counts: number[];
}

export type ReadContent =
  | { kind: "version"; version: string }
  | { kind: "scalar"; tag: string; value: number }
  | { kind: "histogram"; tag: string; histogram: ReadHistogram }
  | { kind: "graph"; graph: Uint8Array }
  | { kind: "session"; status: number };

export interface ReadEvent {
  wallTime: number;
  step: number;
  content: ReadContent | undefined;
}

/** What is used here of google-protobuf's reader. */
interface BinaryReader {
  nextField(): boolean;
  getFieldNumber(): number;
  skipField(): void;
  readDouble(): number;
  readFloat(): number;
  readInt64(): number;
  readString(): string;
  readBytes(): Uint8Array;
  readPackedDouble(): number[];
}

const { BinaryReader } = createRequire(import.meta.url)("google-protobuf") as {
  BinaryReader: new (bytes: Uint8Array) => BinaryReader;
};

/** @throws Error where the file is cut off, or a checksum does not match */
export function readEventFile(path: string): ReadEvent[] {
  return recordsOf(readFileSync(path)).map(readEvent);
}

function recordsOf(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(view.getBigUint64(at, true));
    const record = bytes.subarray(at + 12, at + 12 + length);
    checkSum(bytes.subarray(at, at + 8), view.getUint32(at + 8, true));
    checkSum(record, view.getUint32(at + 12 + length, true));
    records.push(record);
    at += 16 + length;
  }
  return records;
}

function checkSum(bytes: Uint8Array, masked: number): void {
  const rotated = (masked - 0xa282ead8) >>> 0;
  const expected = ((rotated << 15) | (rotated >>> 17)) >>> 0;
  if (crc32cBitByBit(bytes) !== expected) throw new Error("a record's checksum does not match");
}

/** Division by the polynomial of RFC 3720, section 12.1, one bit after the other. */
export function crc32cBitByBit(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = ((crc ^ (byte >>> bit)) & 1) === 1;
      crc >>>= 1;
      if (isOdd) crc ^= 0x82f63b78;
    }
  }
  return ~crc >>> 0;
}

function readEvent(bytes: Uint8Array): ReadEvent {
  const event: ReadEvent = { wallTime: 0, step: 0, content: undefined };
  eachField(bytes, (field, reader) => {
    if (field === 1) event.wallTime = reader.readDouble();
    else if (field === 2) event.step = reader.readInt64();
    else if (field === 3) event.content = { kind: "version", version: reader.readString() };
    else if (field === 4) event.content = { kind: "graph", graph: reader.readBytes().slice() };
    else if (field === 5) event.content = readSummary(reader.readBytes());
    else if (field === 7) event.content = { kind: "session", status: statusOf(reader.readBytes()) };
    else reader.skipField();
  });
  return event;
}

/** Of one value: no writer here puts more into an event. */
function readSummary(bytes: Uint8Array): ReadContent | undefined {
  let content: ReadContent | undefined;
  eachField(bytes, (field, reader) => {
    if (field !== 1 || content) throw new Error("a summary of other than one value");
    content = readValue(reader.readBytes());
  });
  return content;
}

function readValue(bytes: Uint8Array): ReadContent | undefined {
  let tag = "";
  let value: number | undefined;
  let histogram: ReadHistogram | undefined;
  eachField(bytes, (field, reader) => {
    if (field === 1) tag = reader.readString();
    else if (field === 2) value = reader.readFloat();
    else if (field === 5) histogram = readHistogram(reader.readBytes());
    else reader.skipField();
  });
  if (value !== undefined) return { kind: "scalar", tag, value };
  return histogram && { kind: "histogram", tag, histogram };
}

function readHistogram(bytes: Uint8Array): ReadHistogram {
  const numbers = new Map<number, number>();
  const lists = new Map<number, number[]>();
  eachField(bytes, (field, reader) => {
    if (field <= 5) numbers.set(field, reader.readDouble());
    else lists.set(field, reader.readPackedDouble());
  });
  const [min = 0, max = 0, num = 0, sum = 0, sumSquares = 0] = [1, 2, 3, 4, 5].map(
    (field) => numbers.get(field) ?? 0,
  );
  return {
    ...{ min, max, num, sum, sumSquares },
    limits: lists.get(6) ?? [],
    counts: lists.get(7) ?? [],
  };
}

function statusOf(bytes: Uint8Array): number {
  let status = 0;
  eachField(bytes, (field, reader) => {
    if (field === 1) status = reader.readInt64();
    else reader.skipField();
  });
  return status;
}

function eachField(bytes: Uint8Array, read: (field: number, reader: BinaryReader) => void): void {
  const reader = new BinaryReader(bytes);
  while (reader.nextField()) read(reader.getFieldNumber(), reader);
}
