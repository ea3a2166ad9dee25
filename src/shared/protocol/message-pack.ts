// A header's MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), checked before it is decoded. A decoder
// trusts the lengths that it reads: an `array32` of 30,000,000 entries takes five bytes, and 240 MB before the first entry is
// read. So a first pass over the bytes, which allocates nothing but a map's keys, checks that all entries exist and are of the
// few types that messages use. Pure.
//
// Allowed: a map with string keys. Its values may be maps, arrays (both to a limited depth), strings, booleans, and numbers of
// up to 32 bits or float64. Not allowed: nil, binary, extensions (and so records, dates, sets and regular expressions) and
// 64-bit integers; Tandem's encoder writes larger integers as float64.
import { Packr, Unpackr } from "msgpackr";

/** Nesting of maps and arrays, including the outermost. A welcome has three levels. */
export const MAX_DEPTH = 8;
/** Keys per map. */
export const MAX_KEYS = 64;
const MAX_KEY_BYTES = 32;
/** Keys with a special meaning in JavaScript objects. */
const RESERVED_KEYS: readonly string[] = ["__proto__", "constructor", "prototype"];

// Plain maps and arrays only: no records, no structures shared between messages.
const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The bytes are not a map of the allowed kind. The message contains no text from the sender. */
export class MessagePackError extends Error {}

export function packMap(map: object): Uint8Array {
  return packr.pack(map);
}

/**
 * @returns plain objects, arrays, strings, booleans and numbers
 * @throws MessagePackError if the bytes are not exactly one map of the allowed kind
 */
export function unpackMap(bytes: Uint8Array): Record<string, unknown> {
  checkMap(bytes);
  return unpackr.unpack(bytes) as Record<string, unknown>;
}

/**
 * Takes time in proportion to the actual bytes, whatever lengths they declare.
 * @throws MessagePackError if the bytes are not exactly one map of the allowed kind
 */
export function checkMap(bytes: Uint8Array): void {
  const walker = new Walker(bytes);
  walker.passMap();
  if (walker.left > 0) throw new MessagePackError("bytes after the map");
}

class Walker {
  private readonly bytes: Uint8Array;
  private position = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get left(): number {
    return this.bytes.length - this.position;
  }

  passMap(): void {
    const type = this.number(1);
    if (type >= 0x80 && type <= 0x8f) this.passEntries(type & 0x0f, 1);
    else if (type === 0xde) this.passEntries(this.number(2), 1);
    else if (type === 0xdf) this.passEntries(this.number(4), 1);
    else throw new MessagePackError("not a map");
  }

  /** @param depth how many maps and arrays enclose the value */
  private passValue(depth: number): void {
    const type = this.number(1);
    // fixint: an integer from −32 to 127 in the type byte itself
    if (type <= 0x7f || type >= 0xe0) return;
    if (type <= 0x8f) this.passEntries(type & 0x0f, depth + 1);
    else if (type <= 0x9f) this.passItems(type & 0x0f, depth + 1);
    else if (type <= 0xbf) this.passText(type & 0x1f);
    else this.passLongValue(type, depth);
  }

  private passLongValue(type: number, depth: number): void {
    switch (type) {
      case 0xc2: // false
      case 0xc3: // true
        break;
      case 0xcc: // uint8
      case 0xd0: // int8
        this.pass(1);
        break;
      case 0xcd: // uint16
      case 0xd1: // int16
        this.pass(2);
        break;
      case 0xca: // float32
      case 0xce: // uint32
      case 0xd2: // int32
        this.pass(4);
        break;
      case 0xcb: // float64
        this.pass(8);
        break;
      case 0xd9: // str8
        this.passText(this.number(1));
        break;
      case 0xda: // str16
        this.passText(this.number(2));
        break;
      case 0xdb: // str32
        this.passText(this.number(4));
        break;
      case 0xdc: // array16
        this.passItems(this.number(2), depth + 1);
        break;
      case 0xdd: // array32
        this.passItems(this.number(4), depth + 1);
        break;
      case 0xde: // map16
        this.passEntries(this.number(2), depth + 1);
        break;
      case 0xdf: // map32
        this.passEntries(this.number(4), depth + 1);
        break;
      default:
        throw new MessagePackError("a type that no message has");
    }
  }

  private passItems(count: number, depth: number): void {
    if (depth > MAX_DEPTH) throw new MessagePackError("nested too deeply");
    // An item takes at least one byte.
    if (count > this.left) throw new MessagePackError("an array longer than the header");
    for (let index = 0; index < count; index++) this.passValue(depth);
  }

  private passEntries(count: number, depth: number): void {
    if (depth > MAX_DEPTH) throw new MessagePackError("nested too deeply");
    if (count > MAX_KEYS) throw new MessagePackError("a map of too many keys");
    const keys = new Set<string>();
    for (let index = 0; index < count; index++) {
      const key = this.key();
      if (RESERVED_KEYS.includes(key)) throw new MessagePackError("a reserved key");
      if (keys.has(key)) throw new MessagePackError("a key twice");
      keys.add(key);
      this.passValue(depth);
    }
  }

  private key(): string {
    const type = this.number(1);
    let length: number;
    if (type >= 0xa0 && type <= 0xbf) length = type & 0x1f;
    else if (type === 0xd9) length = this.number(1);
    else throw new MessagePackError("a key that is not a short string");
    if (length > MAX_KEY_BYTES) throw new MessagePackError("a key that is not a short string");
    const start = this.position;
    this.pass(length);
    let key = "";
    for (let at = start; at < this.position; at++) {
      const byte = this.bytes[at]!;
      if (byte < 0x20 || byte > 0x7e) throw new MessagePackError("a key that is not ASCII");
      key += String.fromCharCode(byte);
    }
    return key;
  }

  private passText(length: number): void {
    const start = this.position;
    this.pass(length);
    for (let at = start; at < this.position; at++) {
      if (this.bytes[at]! < 0x80) continue;
      try {
        utf8.decode(this.bytes.subarray(at, this.position));
      } catch (error) {
        throw new MessagePackError("a string that is not UTF-8", { cause: error });
      }
      return;
    }
  }

  private pass(byteCount: number): void {
    if (byteCount > this.left) throw new MessagePackError("cut short");
    this.position += byteCount;
  }

  /** The next bytes as an unsigned big-endian integer. */
  private number(byteCount: 1 | 2 | 4): number {
    const start = this.position;
    this.pass(byteCount);
    let value = 0;
    for (let at = start; at < this.position; at++) value = value * 256 + this.bytes[at]!;
    return value;
  }
}
