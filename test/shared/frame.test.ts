import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  asFloats,
  COORDINATOR_FRAME_LIMITS,
  MAX_LISTED_SHARDS,
  decodeFrame,
  encodeFrame,
  sealFrame,
  FrameError,
  WORKER_FRAME_LIMITS,
} from "../../src/shared/protocol/frame.js";
import { FrameReader } from "../../src/shared/protocol/channel.js";
import {
  describeIssue,
  parseFromCoordinator,
  parseFromWorker,
} from "../../src/shared/protocol/messages.js";
import { stateTailPlaces } from "../../src/shared/protocol/payloads/state.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { configOf } from "../support/config.js";

const layout = layoutOfRun(configOf({ inputShape: [28, 28, 1], classCount: 10 }));

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

describe("a frame's limits", () => {
  /** The bytes of a frame with an arbitrary header. */
  const around = (header: Uint8Array) => {
    const bytes = new Uint8Array(8 + header.length);
    new DataView(bytes.buffer).setUint32(0, header.length, true);
    bytes.set(header, 8);
    return sealFrame(bytes);
  };
  const nested = (head: readonly number[], count: number) =>
    around(
      joined([
        Uint8Array.of(0x81, 0xa1, 0x61),
        ...Array<Uint8Array>(count).fill(Uint8Array.from(head)),
      ]),
    );

  test("hold back 3,000 nested arrays of 30,000,000 entries, which killed the coordinator", () => {
    const header = nested([0xdd, 0x01, 0xc9, 0xc3, 0x80], 3_000);
    expect(() => decodeFrame(header, COORDINATOR_FRAME_LIMITS)).toThrow(FrameError);
    // As many as fit, if the header itself is not too long.
    const shorter = nested([0xdd, 0x01, 0xc9, 0xc3, 0x80], 1_000);
    expect(() => decodeFrame(shorter)).toThrow("an array longer than the header");
  });

  test("hold back nested arrays of 65,535 entries, which took 4.4 GB", () => {
    const header = nested([0xdc, 0xff, 0xff], 5_000);
    expect(() => decodeFrame(header, COORDINATOR_FRAME_LIMITS)).toThrow(FrameError);
    expect(() => decodeFrame(nested([0xdc, 0xff, 0xff], 2_000))).toThrow(FrameError);
  });

  test("let through an update of as many shards as updates are sent of, which late joiners could not read", () => {
    const shards = MAX_LISTED_SHARDS;
    const parts = Array.from({ length: 17 }, () => new Uint8Array(8));
    const listed = Array.from({ length: shards }, (_, shard) => shard);
    const header = {
      ...{ type: "update", step: 2 ** 40, own: listed, relayed: listed, wantsDigest: true },
    };
    const bytes = encodeFrame(header, parts);
    expect(decodeFrame(bytes, COORDINATOR_FRAME_LIMITS).parts).toHaveLength(parts.length);
  });

  test("leave room for the longest header that they allow", () => {
    for (const limits of [WORKER_FRAME_LIMITS, COORDINATOR_FRAME_LIMITS]) {
      const tail = Array.from({ length: limits.parts }, () => 2 ** 31);
      const bytes = encodeFrame({ type: "state", step: 1, group: 1, tailChecksum: 0 }, [], tail);
      expect(decodeFrame(bytes, limits).tail).toHaveLength(limits.parts);
    }
  });

  test("bound the parts of a tail", () => {
    const withTail = (tail: number[]) => encodeFrame({ type: "state" }, [], tail);
    expect(decodeFrame(withTail([2 ** 31])).tail).toEqual([2 ** 31]);
    expect(() => decodeFrame(withTail([2 ** 31 + 1]))).toThrow("too long");
    const { parts } = WORKER_FRAME_LIMITS;
    expect(() => decodeFrame(withTail(Array<number>(parts + 1).fill(1)))).toThrow(
      `more than ${parts} parts`,
    );
  });
});

describe("a frame with a tail", () => {
  const header = { type: "state", step: 1, group: 1, tailChecksum: 0 };
  const allocated = (_header: unknown, lengths: readonly number[]) =>
    lengths.map((length) => new Uint8Array(length));
  const tails = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { minLength: 1 });

  test("is whole with its last byte, however its parts are cut, and the next message begins another", () => {
    fc.assert(
      fc.property(tails, fc.integer({ min: 1, max: 40 }), (tail, piece) => {
        const lengths = tail.map(({ length }) => length);
        const pieces = tail.flatMap((part) =>
          Array.from({ length: Math.ceil(part.length / piece) }, (_, index) =>
            part.subarray(index * piece, (index + 1) * piece),
          ),
        );
        const messages = [encodeFrame(header, [Uint8Array.of(7)], lengths), ...pieces];
        const reader = new FrameReader(allocated);
        for (let round = 0; round < 2; round++) {
          for (const message of messages.slice(0, -1)) expect(reader.read(message)).toBeUndefined();
          const frame = reader.read(messages.at(-1)!);
          expect(frame?.parts.map((part) => [...part])).toEqual(
            [Uint8Array.of(7), ...tail].map((part) => [...part]),
          );
          expect(frame?.header).toEqual(header);
        }
      }),
    );
  });

  test("is written into the reader's buffer and nowhere else", () => {
    const place = new Uint8Array(8);
    const reader = new FrameReader(() => [place.subarray(2, 5)]);
    reader.read(encodeFrame(header, [], [3]));
    reader.read(Uint8Array.of(1, 2));
    expect(() => reader.read(Uint8Array.of(3, 4))).toThrow(FrameError);
    expect(reader.read(Uint8Array.of(3))?.parts).toEqual([Uint8Array.of(1, 2, 3)]);
    expect([...place]).toEqual([0, 0, 1, 2, 3, 0, 0, 0]);
  });

  test("is refused where none may be, where it has no lengths, and where it is not this network's", () => {
    const head = encodeFrame(header, [], [3]);
    expect(() => new FrameReader().read(head)).toThrow(FrameError);
    for (const tail of [3, [-1], [1.5], [0], [NaN], ["3"], [2 ** 60]]) {
      const bad = encodeFrame({ ...header, tail });
      const places = (_header: unknown, lengths: readonly number[]) =>
        stateTailPlaces(layout, "weights-only", 0, lengths, () => undefined);
      expect(() => new FrameReader(places).read(bad), String(tail)).toThrow(FrameError);
    }
  });
});

describe("messages", () => {
  test("with unknown fields, missing fields or of another kind are refused", () => {
    const frame = (header: Record<string, unknown>) => ({ header, parts: [] });
    expect(() =>
      parseFromWorker(frame({ type: "ready", numerics: "0".repeat(64), extra: 1 })),
    ).toThrow(FrameError);
    expect(() => parseFromWorker(frame({ type: "hello", protocol: 1 }))).toThrow(FrameError);
    expect(() => parseFromWorker(frame({ type: "state", step: 1 }))).toThrow(FrameError);
    const answer = { type: "gradients", task: 1, step: 1, shard: 0 };
    expect(() => parseFromWorker(frame(answer))).toThrow(FrameError);
    expect(() => parseFromWorker(frame({ ...answer, bucket: -1 }))).toThrow(FrameError);
    expect(parseFromWorker(frame({ ...answer, bucket: 0 })).type).toBe("gradients");
    expect(() => parseFromCoordinator(frame({ type: "update", step: -1 }))).toThrow(FrameError);
    expect(() => parseFromCoordinator(frame({ type: "update", step: 1.5 }))).toThrow(FrameError);
    const hello = { type: "hello", protocol: 1, name: "a", kind: "node" };
    expect(parseFromWorker(frame(hello)).type).toBe("hello");
  });

  test("that are refused repeat nothing that the peer chose", () => {
    const evil = "\u001b[2J<!--<script>\n";
    const headers: Record<string, unknown>[] = [
      { type: evil },
      { type: "ready", numerics: "0".repeat(64), [evil]: 1 },
      { type: "hello", protocol: evil, name: evil.repeat(9) },
      { type: "result", task: 1, step: 1, shard: 1, loss: evil, computed: { [evil]: evil } },
      { type: "welcome", protocol: 1, name: evil, broadcast: { [evil]: { [evil]: 1 } } },
      { [evil]: evil },
    ];
    for (const header of headers) {
      for (const parse of [parseFromWorker, parseFromCoordinator]) {
        let reason = "";
        try {
          parse({ header });
        } catch (error) {
          reason = (error as FrameError).message;
        }
        expect(reason).toMatch(/^[\w ?.,:-]{1,120}$/);
        expect(reason).not.toContain("script");
      }
    }
    const refuse = () => parseFromWorker({ header: { type: "digest", step: -1, weights: 0 } });
    expect(refuse).toThrow("step: less than 0");
  });

  test("are refused without the key of a record that the peer chose", () => {
    const path = ["config", "\u001b]0;title\u0007"];
    const issue = { code: "custom", path, message: "wrong", input: 1 } as const;
    expect(describeIssue(issue)).toBe("config.?: wrong");
  });
});
