// An executor with several Node threads: instances of the module in worker threads with a shared memory. The threads do not keep
// the process alive, and end with the session.
import { Worker } from "node:worker_threads";
import { type Executor, INITIAL_PAGES, instantiate } from "./executor.js";
import { kernelsOf } from "./kernel-list.js";
import type { Launch } from "./launch.js";
import { readKernels } from "./load-kernels.js";
import { withSharedMemory } from "./shared-memory.js";
import { ThreadWork } from "./thread-work.js";
import { MAX_PAGES, type WasmMemory, type WasmModule, webAssembly } from "./webassembly.js";

/** The data for a thread (thread.ts). */
export interface ThreadData {
  module: WasmModule;
  memory: WasmMemory;
  buffer: SharedArrayBuffer;
  thread: number;
}

/** The compiled file, as a thread runs JavaScript. */
const THREAD_FILE = new URL("../../../../dist/shared/engine/wasm/thread.js", import.meta.url);

let sharedModule: WasmModule | undefined;

export class ThreadPool implements Executor {
  readonly memory: WasmMemory;
  readonly heapBase: number;
  readonly threads: number;
  readonly work: ThreadWork;
  /** Numbers of kernels, by name. */
  private readonly numbers: ReadonlyMap<string, number>;
  private failure: Error | undefined;

  /** @param threads including the calling one */
  constructor(threads: number) {
    sharedModule ??= new webAssembly.Module(withSharedMemory(readKernels()));
    const module = sharedModule;
    this.threads = threads;
    this.memory = new webAssembly.Memory({
      ...{ initial: INITIAL_PAGES, maximum: MAX_PAGES, shared: true },
    });
    const exports = instantiate(module, this.memory);
    this.heapBase = (exports["heapBase"] as () => number)();
    const kernels = kernelsOf(exports);
    this.numbers = new Map(kernels.map(({ name }, number) => [name, number]));
    this.work = new ThreadWork(kernels.map(({ kernel }) => kernel));
    for (let thread = 1; thread < threads; thread++) this.startThread(module, thread);
  }

  execute(launches: readonly Launch[], scratch: number, scratchStride: number): void {
    if (this.failure) throw this.failure;
    for (const launch of launches) {
      const number = this.numbers.get(launch.kernel);
      if (number === undefined) throw new RangeError(`no kernel ${launch.kernel}`);
      this.work.execute(number, launch, scratch, scratchStride, this.threads);
    }
  }

  dispose(): void {
    this.work.end();
  }

  private startThread(module: WasmModule, thread: number): void {
    const { memory } = this;
    const workerData: ThreadData = { module, memory, buffer: this.work.buffer, thread };
    const worker = new Worker(THREAD_FILE, { workerData, execArgv: [] });
    worker.on("error", (cause) => {
      this.failure = new Error("a thread of the engine ended", { cause });
    });
    worker.unref();
  }
}
