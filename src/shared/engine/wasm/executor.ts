// The interface that executes launches, and its implementation in the calling thread.
import type { Launch } from "./launch.js";
import {
  MAX_PAGES,
  type WasmInstance,
  type WasmMemory,
  type WasmModule,
  webAssembly,
} from "./webassembly.js";

/** Executes a session's launches. */
export interface Executor {
  readonly memory: WasmMemory;
  /** The first byte that the module itself does not use. */
  readonly heapBase: number;
  /** How many parts of a launch can be computed at the same time. */
  readonly threads: number;
  /**
   * Executes the launches one after the other.
   * @param scratch memory for the first thread, a multiple of 64; that of each further thread is `scratchStride` bytes later
   */
  execute(launches: readonly Launch[], scratch: number, scratchStride: number): void;
  dispose(): void;
}

export type Kernel = (scratch: number, from: number, to: number, ...args: number[]) => void;

export function instantiate(module: WasmModule, memory: WasmMemory): WasmInstance["exports"] {
  return new webAssembly.Instance(module, { env: { memory } }).exports;
}

/** The module's own constants fit into the first page. */
export const INITIAL_PAGES = 1;

export class SingleThread implements Executor {
  readonly memory: WasmMemory;
  readonly heapBase: number;
  readonly threads = 1;
  private readonly kernels: Readonly<Record<string, Kernel>>;

  constructor(module: WasmModule) {
    this.memory = new webAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAX_PAGES });
    const exports = instantiate(module, this.memory);
    this.kernels = exports as Record<string, Kernel>;
    this.heapBase = (exports["heapBase"] as () => number)();
  }

  execute(launches: readonly Launch[], scratch: number): void {
    for (const { kernel, parts, args } of launches) {
      this.kernels[kernel]!(scratch, 0, parts, ...args);
    }
  }

  dispose(): void {
    // The instance and its memory are garbage-collected.
  }
}
