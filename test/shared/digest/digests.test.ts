// The digests that browsers compute, compared with those of Node.
import { createHash } from "node:crypto";
import { crc32 as crc32OfNode } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32, crc32InScript } from "../../../src/shared/digest/crc32.js";
import { createSha256, sha256OfText, toHex } from "../../../src/shared/digest/sha256.js";

/** Bytes at any offset in memory, so that words may or may not be aligned. */
const placedBytes = fc
  .tuple(fc.uint8Array({ maxLength: 300 }), fc.nat({ max: 7 }))
  .map(([bytes, offset]) => {
    const memory = new Uint8Array(bytes.length + offset + 3);
    memory.set(bytes, offset);
    return memory.subarray(offset, offset + bytes.length);
  });

test("the checksum of any bytes at any place is Node's", () => {
  fc.assert(
    fc.property(placedBytes, fc.nat({ max: 2 ** 32 - 1 }), (bytes, previous) => {
      expect(crc32InScript(bytes)).toBe(crc32OfNode(bytes));
      expect(crc32InScript(bytes, previous)).toBe(crc32OfNode(bytes, previous));
    }),
  );
});

test("the checksum's check value", () => {
  // Of "123456789", in the catalogue of parametrised CRC algorithms (CRC-32/ISO-HDLC).
  expect(crc32InScript(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
});

test("the checksum of bytes in pieces is that of all of them", () => {
  fc.assert(
    fc.property(placedBytes, placedBytes, (first, second) => {
      const all = Uint8Array.of(...first, ...second);
      expect(crc32(second, crc32(first))).toBe(crc32InScript(all));
    }),
  );
});

test("SHA-256 in script is Node's, in one piece and in several", () => {
  fc.assert(
    fc.property(fc.array(placedBytes, { maxLength: 6 }), (pieces) => {
      const [script, node] = [createSha256(), createHash("sha256")];
      for (const piece of pieces) {
        script.update(piece);
        node.update(piece);
      }
      expect(toHex(script.digest())).toBe(node.digest("hex"));
    }),
  );
});

test("the digest of a text is that of its UTF-8", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(toHex(sha256OfText(text))).toBe(createHash("sha256").update(text).digest("hex"));
    }),
  );
});

test("Node's own functions take the place of those in script, and give the same", async () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index * 7);
  const inScript = [crc32(bytes), toHex(sha256OfText("tandem"))];
  await import("../../../src/shared/digest/node-digests.js");
  expect([crc32(bytes), toHex(sha256OfText("tandem"))]).toEqual(inScript);
  expect(createSha256().constructor.name).toBe("Hash");
});
