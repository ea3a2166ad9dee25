// Turns the module of kernels into one for a memory that threads share. Only the flag "shared" of the imported memory differs: the
// kernels need no atomic instructions, as parts never access the same memory. Pure.

const HEADER_BYTES = 8;
const IMPORT_SECTION = 2;
const MEMORY_IMPORT = 2;
/** Flags of a memory's limits. A shared memory must have a maximum (WebAssembly threads, "binary format"). */
const HAS_MAXIMUM = 1;
const IS_SHARED = 2;

/** @param bytes of a module whose first import is its memory @throws RangeError if it is not */
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
  throw new RangeError("the module's first import is not a memory");
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

  /** Unsigned LEB128. */
  integer(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }
}
