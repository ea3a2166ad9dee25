// A grammar of allocation bombs in MessagePack: every type with a length declares more than the message holds, alone, nested, in
// lists, as keys, and in every field of otherwise valid messages, before and after valid content.
import { pack } from "msgpackr";
import { sealFrame } from "../../dist/shared/protocol/frame.js";

/** @typedef {import("../../dist/shared/random.js").Random} Random */

/** Types with a length, and the size of the length in bytes: str, bin, ext, array and map with 8, 16 and 32 bits. */
const SIZED = /** @type {const} */ ([
  [0xd9, 1],
  [0xda, 2],
  [0xdb, 4],
  [0xc4, 1],
  [0xc5, 2],
  [0xc6, 4],
  [0xc7, 1],
  [0xc8, 2],
  [0xc9, 4],
  [0xdc, 2],
  [0xdd, 4],
  [0xde, 2],
  [0xdf, 4],
]);
const LISTS = SIZED.filter(([type]) => type >= 0xdc);
/** fixext 1 to 16, with msgpackr's types: records, dates, sets, regular expressions, references, errors, typed arrays. */
const FIXED_EXTENSIONS = [0xd4, 0xd5, 0xd6, 0xd7, 0xd8];
const EXTENSION_TYPES = [0xff, 0x00, 0x62, 0x65, 0x69, 0x70, 0x72, 0x73, 0x74, 0x78];
const COUNTS = [
  0,
  1,
  127,
  255,
  2 ** 15,
  2 ** 16 - 1,
  30_000_000,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
];
const MAX_DEPTH = 6;
/** Enough to fill a header. */
const MAX_REPEATS = 4_000;

export class Bombs {
  /** @param {Random} random */
  constructor(random) {
    this.random = random;
  }

  /** @template T @param {readonly T[]} list @returns {T} */
  any(list) {
    return /** @type {T} */ (list[this.random.below(list.length)]);
  }

  /** A type and the length that it declares. @param {typeof SIZED[number]} sized @param {number} count @returns {number[]} */
  head([type, bytes], count) {
    const length = Array.from({ length: bytes }, (_, index) => {
      return Math.floor(count / 256 ** (bytes - 1 - index)) % 256;
    });
    return [type, ...length];
  }

  /** @param {number} [depth] @returns {Uint8Array} */
  value(depth = 0) {
    const { random } = this;
    switch (random.below(depth < MAX_DEPTH ? 8 : 4)) {
      case 0:
        return Uint8Array.from(this.head(this.any(SIZED), this.any(COUNTS)));
      case 1:
        return Uint8Array.of(this.any([0x8f, 0x9f, 0xbf]));
      case 2: {
        const extension = [this.any(FIXED_EXTENSIONS), this.any(EXTENSION_TYPES)];
        return Uint8Array.from([
          ...extension,
          ...Array.from({ length: 16 }, () => random.below(256)),
        ]);
      }
      case 3:
        return Uint8Array.of(random.below(256));
      case 4: {
        // The same head many times: each declares a list inside the previous one.
        const head = this.head(this.any(LISTS), this.any(COUNTS));
        const repeats = 1 + random.below(MAX_REPEATS);
        return Buffer.concat([
          ...Array(repeats).fill(Uint8Array.from(head)),
          this.value(depth + 1),
        ]);
      }
      case 5: {
        // A valid list.
        const count = random.below(6);
        const values = Array.from({ length: count }, () => this.value(depth + 1));
        return Buffer.concat([Uint8Array.of(0x90 + count), ...values]);
      }
      case 6: {
        const count = random.below(4);
        const entries = Array.from({ length: count }, () => [
          this.key(depth),
          this.value(depth + 1),
        ]);
        return Buffer.concat([Uint8Array.of(0x80 + count), ...entries.flat()]);
      }
      default: {
        // Empty lists: the most objects for the fewest bytes.
        const head = this.head(this.any(LISTS), this.any(COUNTS));
        const filler = this.any([0x00, 0x80, 0x90, 0xa0, 0xc0]);
        return Buffer.concat([
          Uint8Array.from(head),
          Buffer.alloc(random.below(MAX_REPEATS), filler),
        ]);
      }
    }
  }

  /** @param {number} depth @returns {Uint8Array} */
  key(depth) {
    return this.random.below(4) === 0 ? this.value(depth + 1) : pack(`k${this.random.below(100)}`);
  }

  /**
   * A message whose header is valid except for the bombs in it.
   * @param {Record<string, unknown>} header
   * @returns {Uint8Array<ArrayBuffer>}
   */
  message(header) {
    const { random } = this;
    /** @type {[Uint8Array, Uint8Array][]} */
    const entries = Object.entries({ ...header, parts: [8] }).map(([key, value]) => [
      pack(key),
      pack(value),
    ]);
    for (let bombs = 1 + random.below(2); bombs > 0; bombs--) {
      const at = random.below(entries.length + 1);
      if (random.below(2) === 0) {
        const key = this.any([...Object.keys(header), "parts", "tail", "type", "extra"]);
        entries.splice(at, random.below(2), [pack(key), this.value()]);
      } else {
        const key = entries[at]?.[0] ?? this.key(0);
        entries[at] = [key, this.value()];
      }
    }
    const count = random.below(8) === 0 ? this.any(COUNTS) : entries.length;
    const head = count < 16 ? [0x80 + count] : this.head([0xdf, 4], count);
    const packed = Buffer.concat([Uint8Array.from(head), ...entries.flat()]);
    const bytes = new Uint8Array(Math.ceil((8 + packed.length) / 8) * 8 + 8);
    new DataView(bytes.buffer).setUint32(0, packed.length, true);
    bytes.set(packed, 8);
    return sealFrame(bytes);
  }
}
