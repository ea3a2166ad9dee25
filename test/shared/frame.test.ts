import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asFloats, decodeFrame, encodeFrame, FrameError } from "../../src/shared/protocol/frame.js";
import { FrameReader } from "../../src/shared/protocol/channel.js";
import { parseFromCoordinator, parseFromWorker } from "../../src/shared/protocol/messages.js";

const frames = fc.record({
  header: fc.record({
    type: fc.string(),
    step: fc.nat(),
    loss: fc.double({ noNaN: true }).map((x) => x + 0),
  }),
  parts: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }),
});

const joined = (pieces: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(pieces));

describe("a frame", () => {
  test("comes back as it was", () => {
    fc.assert(
      fc.property(frames, ({ header, parts }) => {
        const decoded = decodeFrame(encodeFrame(header, parts));
        expect(decoded.header).toEqual(header);
        expect(decoded.parts.map((part) => [...part])).toEqual(parts.map((part) => [...part]));
      }),
    );
  });

  test("is refused when it is cut anywhere, or longer than it says", () => {
    fc.assert(
      fc.property(frames, fc.nat(), ({ header, parts }, at) => {
        const bytes = encodeFrame(header, parts);
        expect(() => decodeFrame(bytes.subarray(0, at % bytes.length))).toThrow(FrameError);
        expect(() => decodeFrame(joined([bytes, new Uint8Array(8)]))).toThrow(FrameError);
      }),
    );
  });

  test("of any bytes at all is a frame or a FrameError, and so is its message", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const parse of [parseFromWorker, parseFromCoordinator]) {
          try {
            parse(decodeFrame(bytes));
          } catch (error) {
            expect(error).toBeInstanceOf(FrameError);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("gives numbers back without a copy where they are aligned, and right where they are not", () => {
    const numbers = Float32Array.of(1.5, -2, 3e30);
    const bytes = new Uint8Array(numbers.buffer);
    expect(asFloats(bytes).buffer).toBe(bytes.buffer);
    const shifted = new Uint8Array(13);
    shifted.set(bytes, 1);
    expect(asFloats(shifted.subarray(1))).toEqual(numbers);
    expect(asFloats(Buffer.from(shifted.buffer).subarray(1))).toEqual(numbers);
    expect(() => asFloats(shifted)).toThrow(FrameError);
  });
});

describe("a frame with a tail", () => {
  const parts = [Uint8Array.of(1, 2, 3), new Uint8Array(0), Uint8Array.of(4)];
  const messages = [encodeFrame({ type: "state", step: 1 }, [], parts.length), ...parts];

  test("is whole with its last part, and the next message begins another", () => {
    const reader = new FrameReader(true);
    for (let round = 0; round < 2; round++) {
      for (const message of messages.slice(0, -1)) expect(reader.take(message)).toBeUndefined();
      const frame = reader.take(messages.at(-1)!);
      expect(frame?.parts).toEqual(parts);
      expect(frame?.header).toEqual({ type: "state", step: 1 });
    }
  });

  test("is refused where none may be, and where its length is no count", () => {
    expect(() => new FrameReader(false).take(messages[0]!)).toThrow(FrameError);
    for (const tail of [-1, 1.5, 1e9, NaN, "3"]) {
      const head = encodeFrame({ type: "state", step: 1, tail });
      expect(() => new FrameReader(true).take(head), String(tail)).toThrow(FrameError);
    }
  });
});

describe("messages", () => {
  test("with unknown fields, missing fields or of another kind are refused", () => {
    const frame = (header: Record<string, unknown>) => ({ header, parts: [] });
    expect(() => parseFromWorker(frame({ type: "ready", extra: 1 }))).toThrow(FrameError);
    expect(() => parseFromWorker(frame({ type: "hello", protocol: 1 }))).toThrow(FrameError);
    expect(() => parseFromWorker(frame({ type: "state", step: 1 }))).toThrow(FrameError);
    expect(() => parseFromCoordinator(frame({ type: "update", step: -1 }))).toThrow(FrameError);
    expect(() => parseFromCoordinator(frame({ type: "update", step: 1.5 }))).toThrow(FrameError);
    expect(parseFromWorker(frame({ type: "hello", protocol: 1, name: "a" })).type).toBe("hello");
  });
});
