// The memory of a session's WebAssembly instance. Blocks are allocated and freed from JavaScript; the memory grows when no free
// block is large enough, and never shrinks.
import { TandemError } from "../../errors.js";
import { ALIGNMENT, BlockAllocator } from "./block-allocator.js";
import { PAGE_BYTES, type WasmMemory } from "./webassembly.js";

export interface Block {
  readonly pointer: number;
  readonly byteLength: number;
}

/** How far kernels may read beyond the end of a block. */
const SLACK_BYTES = ALIGNMENT;

export class DeviceMemory {
  private readonly memory: WasmMemory;
  private readonly allocator: BlockAllocator;
  private bytes: Uint8Array;

  /** @param start the first byte that the module itself does not use */
  constructor(memory: WasmMemory, start: number) {
    this.memory = memory;
    this.allocator = new BlockAllocator(start);
    this.bytes = new Uint8Array(memory.buffer);
  }

  get byteLength(): number {
    return this.memory.buffer.byteLength;
  }

  /** @throws TandemError `compute-failed` if there is not enough memory */
  allocate(byteLength: number): Block {
    const block = { pointer: this.allocator.allocate(byteLength), byteLength };
    this.growTo(this.allocator.end + SLACK_BYTES);
    return block;
  }

  free({ pointer, byteLength }: Block): void {
    this.allocator.release(pointer, byteLength);
  }

  write(pointer: number, values: Float32Array | Int32Array): void {
    const { buffer } = this.current();
    if (values instanceof Float32Array) {
      new Float32Array(buffer, pointer, values.length).set(values);
    } else new Int32Array(buffer, pointer, values.length).set(values);
  }

  /** A view of the values, valid until the next allocation. */
  floats(pointer: number, length: number): Float32Array {
    return new Float32Array(this.current().buffer, pointer, length);
  }

  private growTo(byteLength: number): void {
    const missing = byteLength - this.byteLength;
    if (missing <= 0) return;
    try {
      this.memory.grow(Math.ceil(missing / PAGE_BYTES));
    } catch (cause) {
      const mebibytes = Math.ceil(byteLength / 2 ** 20);
      const sentence = `This run needs ${mebibytes} MiB of memory, more than WebAssembly can use here. Use more shards, so that each is smaller.`;
      throw new TandemError("compute-failed", sentence, { cause });
    }
  }

  private current(): Uint8Array {
    if (this.bytes.length !== this.byteLength) this.bytes = new Uint8Array(this.memory.buffer);
    return this.bytes;
  }
}
