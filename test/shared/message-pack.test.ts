// Any bytes give one map of plain data or an error, in time and memory bounded by their number.
import fc from "fast-check";
import { pack } from "msgpackr";
import { describe, expect, test } from "vitest";
import {
  checkMap,
  MAX_DEPTH,
  MAX_KEYS,
  MessagePackError,
  packMap,
  unpackMap,
} from "../../src/shared/protocol/message-pack.js";

const key = fc.stringMatching(/^[a-z][A-Za-z0-9]{0,20}$/).filter((text) => text !== "constructor");
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double().map((value) => (Object.is(value, -0) ? 0 : value)),
);
const { tree: value } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: MAX_DEPTH - 2 },
    number,
    fc.boolean(),
    fc.string({ unit: "grapheme", maxLength: 300 }),
    fc.array(tie("tree"), { maxLength: 40 }),
    fc.dictionary(key, tie("tree"), { maxKeys: 20, noNullPrototype: true }),
  ),
}));
const map = fc.dictionary(key, value, { maxKeys: MAX_KEYS, noNullPrototype: true });

/** Bytes that often begin something valid: a type, a length, a key, a whole map. */
const likelyBytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.integer({ min: 0x80, max: 0xff }).map((type) => Uint8Array.of(type)),
      fc
        .tuple(
          fc.constantFrom(
            0xc4,
            0xc5,
            0xc6,
            0xc7,
            0xc8,
            0xc9,
            0xd9,
            0xda,
            0xdb,
            0xdc,
            0xdd,
            0xde,
            0xdf,
          ),
          fc.constantFrom([0, 0], [0, 1], [0, 0, 0, 2], [0xff, 0xff], [0xff, 0xff, 0xff, 0xff]),
        )
        .map(([type, length]) => Uint8Array.of(type, ...length)),
      key.map((text) => Uint8Array.of(0xa0 + text.length, ...Buffer.from(text))),
      map.map((plain) => packMap(plain)),
    ),
    { maxLength: 30 },
  )
  .map(
    (pieces) => new Uint8Array(Buffer.concat([Uint8Array.of(0x80 + pieces.length / 2), ...pieces])),
  );

function expectPlain(data: unknown, depth = 1): void {
  if (typeof data !== "object") {
    expect(["string", "number", "boolean"]).toContain(typeof data);
    return;
  }
  expect([Object.prototype, Array.prototype]).toContain(Object.getPrototypeOf(data));
  expect(depth).toBeLessThanOrEqual(MAX_DEPTH);
  for (const inner of Object.values(data as object)) expectPlain(inner, depth + 1);
}

const bytesOf = (...bytes: number[]) => Uint8Array.from(bytes);

describe("a map", () => {
  test("of plain data comes back as it was", () => {
    fc.assert(
      fc.property(map, (plain) => {
        expect(unpackMap(packMap(plain))).toEqual(plain);
      }),
    );
  });

  test.each<[string, fc.Arbitrary<Uint8Array>]>([
    ["any bytes at all", fc.uint8Array({ maxLength: 200 })],
    ["bytes that look like MessagePack", likelyBytes],
  ])("is what %s are, or they are refused", (_what, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, (bytes) => {
        let data: unknown;
        try {
          data = unpackMap(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MessagePackError);
          return;
        }
        expectPlain(data);
      }),
      { numRuns: 3000 },
    );
  });

  test("takes no more looks than it has bytes, whatever its lengths say", () => {
    const lengths = [0xdc, 0xdd, 0xde, 0xdf, 0xd9, 0xda, 0xdb, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...lengths)), fc.nat(7), (types, depth) => {
        const inner = types.flatMap((type) => [type, 0xff, 0xff, 0xff, 0xff]);
        const looks = countingLooks(
          bytesOf(0x81, 0xa1, 0x61, ...Array<number>(depth).fill(0x91), ...inner),
        );
        expect(() => {
          checkMap(looks.bytes);
        }).toThrow(MessagePackError);
        expect(looks.count()).toBeLessThanOrEqual(looks.bytes.length);
      }),
    );
  });
});

/** Counts how often the bytes were read. */
function countingLooks(bytes: Uint8Array): { bytes: Uint8Array; count: () => number } {
  let count = 0;
  const proxy = new Proxy(bytes, {
    get(target, property) {
      if (typeof property === "string" && /^\d+$/.test(property)) count++;
      return Reflect.get(target, property, target) as unknown;
    },
  });
  return { bytes: proxy, count: () => count };
}

describe("what no message has is refused:", () => {
  const entry = (...value: number[]) => bytesOf(0x81, 0xa1, 0x61, ...value);
  test.each<[string, Uint8Array, string]>([
    ["nothing", bytesOf(), "cut short"],
    ["a list", bytesOf(0x90), "not a map"],
    ["bytes after the map", bytesOf(0x80, 0x80), "bytes after the map"],
    ["nil", entry(0xc0), "a type"],
    ["the type that is never used", entry(0xc1), "a type"],
    ["binary", entry(0xc4, 1, 1), "a type"],
    ["uint64", entry(0xcf, 0, 0, 0, 0, 0, 0, 0, 1), "a type"],
    ["int64", entry(0xd3, 0, 0, 0, 0, 0, 0, 0, 1), "a type"],
    ["a record", entry(0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 1), "a type"],
    ["a timestamp", pack({ a: new Date(0) }), "a type"],
    ["undefined", pack({ a: undefined }), "a type"],
    ["a set", entry(0xd4, 0x73, 0, 0x91, 1), "a type"],
    ["a regular expression", entry(0xd4, 0x78, 0, 0x92, 0xa1, 0x78, 0xa0), "a type"],
    ["an error", pack({ a: new Error("x") }), "a type"],
    ["a large integer", pack({ a: 2n ** 63n }), "a type"],
    ["an extension of 4 GB", entry(0xc9, 0xff, 0xff, 0xff, 0xff, 1), "a type"],
    ["a string of 4 GB", entry(0xdb, 0xff, 0xff, 0xff, 0xff, 1), "cut short"],
    ["a map of 2^32 entries", bytesOf(0xdf, 0xff, 0xff, 0xff, 0xff), "too many keys"],
    ["a key that is a number", bytesOf(0x81, 1, 1), "a key that is not a short string"],
    ["a key that is long", packMap({ ["a".repeat(33)]: 1 }), "a key that is not a short string"],
    ["a key with an escape", packMap({ "\u001b": 1 }), "a key that is not ASCII"],
    ["a key twice", bytesOf(0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2), "a key twice"],
    ["a key twice, in two forms", bytesOf(0x82, 0xa1, 0x61, 1, 0xd9, 1, 0x61, 2), "a key twice"],
    ["a prototype", packMap(JSON.parse('{"__proto__":1}') as object), "a reserved key"],
    ["a constructor, inside", packMap({ a: [{ constructor: 1 }] }), "a reserved key"],
    ["half a character", entry(0xa1, 0xc3), "a string that is not UTF-8"],
    ["half a surrogate pair", entry(0xa3, 0xed, 0xa0, 0x80), "a string that is not UTF-8"],
    ["a float cut short", entry(0xcb, 0, 0), "cut short"],
  ])("%s", (_what, bytes, reason) => {
    expect(() => unpackMap(bytes)).toThrow(MessagePackError);
    expect(() => unpackMap(bytes)).toThrow(reason);
  });

  test("depth beyond the limit, of maps and arrays", () => {
    const nest = (depth: number, wrap: (inner: unknown) => unknown) => {
      let data: unknown = 1;
      for (let level = 1; level < depth; level++) data = wrap(data);
      return packMap({ a: data });
    };
    for (const wrap of [(inner: unknown) => [inner], (inner: unknown) => ({ a: inner })]) {
      expectPlain(unpackMap(nest(MAX_DEPTH, wrap)));
      expect(() => unpackMap(nest(MAX_DEPTH + 1, wrap))).toThrow("nested too deeply");
    }
  });
});
