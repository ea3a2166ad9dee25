// The module of kernels for a memory that threads share. It differs from the other in one bit, the "shared" of the memory that it
// imports: the kernels have no atomic instructions, as their parts never meet. Pure.

const HEADER_BYTES = 8;
const IMPORT_SECTION = 2;
const MEMORY_IMPORT = 2;
/** Of a memory's limits: it has a maximum, which a shared memory must have (WebAssembly threads, "binary format"). */
const HAS_MAXIMUM = 1;
const IS_SHARED = 2;

/** @param bytes of a module whose first import is its memory @throws RangeError where it is not */
export function withSharedMemory(bytes: Uint8Array): Uint8Array {
  const shared = Uint8Array.from(bytes);
  const at = findMemoryLimits(bytes);
  if (shared[at] !== HAS_MAXIMUM) throw new RangeError("a memory without maximum");
  shared[at] = HAS_MAXIMUM | IS_SHARED;
  return shared;
}

function findMemoryLimits(bytes: Uint8Array): number {
  const reader = new ByteReader(bytes, HEADER_BYTES);
  while (reader.at < bytes.length) {
    const section = reader.byte();
    const byteLength = reader.integer();
    if (section !== IMPORT_SECTION) {
      reader.skip(byteLength);
      continue;
    }
    reader.integer();
    reader.skip(reader.integer());
    reader.skip(reader.integer());
    if (reader.byte() !== MEMORY_IMPORT) break;
    return reader.at;
  }
  throw new RangeError("no memory is the module's first import");
}

class ByteReader {
  at: number;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  byte(): number {
    return this.bytes[this.at++]!;
  }

  skip(byteLength: number): void {
    this.at += byteLength;
  }

  /** LEB128, unsigned. */
  integer(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }
}
