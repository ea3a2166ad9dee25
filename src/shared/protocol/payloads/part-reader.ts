// The parts of a message, each held against what it must be: every length follows from the run's configuration, so nothing
// that a peer says about sizes is believed. Pure.
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

  /** To be called when everything is read. */
  end(): void {
    if (this.next !== this.parts.length) throw new FrameError("more parts than the message has");
  }
}
