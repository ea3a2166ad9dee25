// Reads the parts of a message one after the other. The expected length of each follows from the run's configuration; the
// lengths that a peer declares are not trusted. Pure.
import { asFloats, asIntegers, FrameError } from "../frame.js";

export class PartReader {
  private readonly parts: readonly Uint8Array[];
  private next = 0;

  constructor(parts: readonly Uint8Array[]) {
    this.parts = parts;
  }

  bytes(length: number, what: string): Uint8Array {
    const part = this.parts[this.next++];
    if (part?.byteLength !== length) {
      throw new FrameError(`${what}: ${part?.byteLength ?? "no"} bytes, expected ${length}`);
    }
    return part;
  }

  floats(count: number, what: string): Float32Array {
    return asFloats(this.bytes(4 * count, what));
  }

  integers(count: number, what: string): Int32Array {
    return asIntegers(this.bytes(4 * count, what));
  }

  /** Call it after the last part. @throws FrameError if there are more parts */
  end(): void {
    if (this.next !== this.parts.length) {
      throw new FrameError(`expected ${this.next} parts, got ${this.parts.length}`);
    }
  }
}
