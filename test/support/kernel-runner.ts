// Runs launches of the wasm engine's kernels without a session: in pieces cut anywhere, in any order, and with scratch memory
// of which every byte is set, so that what a kernel writes beyond it is noticed.
import { sizeOf } from "../../src/shared/network/network.js";
import { instantiate, type Kernel } from "../../src/shared/engine/wasm/executor.js";
import type { Launch, NodeMemory, Operand } from "../../src/shared/engine/wasm/launch.js";
import { loadKernels } from "../../src/shared/engine/wasm/load-kernels.js";
import { MAX_PAGES, PAGE_BYTES, webAssembly } from "../../src/shared/engine/wasm/webassembly.js";

export interface RunnerTensor {
  shape: readonly number[];
  values: Float32Array;
}

/** How the parts of a launch are cut: [from, to) of each piece, in the order in which they are computed. */
export type CutParts = (parts: number) => (readonly [from: number, to: number])[];

export const WHOLE: CutParts = (parts) => [[0, parts]];

/** From the last part to the first, one at a time: as far as can be from the usual order. */
export const BACKWARD: CutParts = (parts) =>
  Array.from({ length: parts }, (_, index) => [parts - 1 - index, parts - index]);

/** Up to two pieces, cut at a share of the parts from 0 to 1. */
export function cutAt(share: number): CutParts {
  return (parts) => {
    const at = Math.floor(parts * share);
    const pieces: (readonly [number, number])[] = [
      [0, at],
      [at, parts],
    ];
    return pieces.filter(([from, to]) => to > from);
  };
}

/** Bytes behind every piece of memory that must stay as they are. */
const GUARD_BYTES = 64;
/** All bytes so are NaN as a float32. */
const FILL = 0xff;

export class KernelRunner {
  private readonly memory = new webAssembly.Memory({ initial: 1, maximum: MAX_PAGES });
  private readonly kernels = instantiate(loadKernels(), this.memory);
  private guards: number[] = [];
  private end = 0;

  /** @returns the values of the output */
  run(
    lower: (memory: NodeMemory) => Launch[],
    inputs: readonly RunnerTensor[],
    outputShape: readonly number[],
    cut: CutParts = WHOLE,
  ): Float32Array {
    this.end = (this.kernels["heapBase"] as () => number)();
    this.guards = [];
    const operands = inputs.map(({ shape, values }): Operand => {
      const pointer = this.reserve(values.byteLength);
      new Float32Array(this.memory.buffer, pointer, values.length).set(values);
      return { pointer, shape };
    });
    const length = sizeOf(outputShape);
    const output = { pointer: this.reserve(length * 4), shape: outputShape };
    const reserve = (byteLength: number) => this.reserve(byteLength);
    const launches = lower({ inputs: operands, outputs: [output], reserve });
    for (const launch of launches) this.launch(launch, cut);
    this.checkGuards();
    return new Float32Array(this.memory.buffer, output.pointer, length).slice();
  }

  private launch({ kernel, parts, scratchBytes = 0, args }: Launch, cut: CutParts): void {
    const end = this.end;
    const scratch = this.reserve(scratchBytes);
    for (const [from, to] of cut(parts)) {
      new Uint8Array(this.memory.buffer, scratch, scratchBytes).fill(FILL);
      (this.kernels[kernel] as Kernel)(scratch, from, to, ...args);
    }
    this.checkGuards();
    this.guards.pop();
    this.end = end;
  }

  private reserve(byteLength: number): number {
    const pointer = Math.ceil(this.end / 64) * 64;
    this.end = pointer + byteLength + GUARD_BYTES;
    const missing = this.end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE_BYTES));
    new Uint8Array(this.memory.buffer, pointer, byteLength + GUARD_BYTES).fill(FILL);
    this.guards.push(pointer + byteLength);
    return pointer;
  }

  private checkGuards(): void {
    for (const guard of this.guards) {
      const bytes = new Uint8Array(this.memory.buffer, guard, GUARD_BYTES);
      if (bytes.some((byte) => byte !== FILL)) throw new Error("a kernel wrote beyond its memory");
    }
  }
}
