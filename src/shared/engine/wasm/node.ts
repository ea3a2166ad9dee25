// The wasm engine in Node, with one or several threads.
import { openWasm, type WasmEngine } from "./engine.js";
import { loadKernels } from "./load-kernels.js";
import { ThreadPool } from "./thread-pool.js";

/** @param threads per session; they do not affect the results */
export function openWasmInNode(threads = 1): WasmEngine {
  const module = loadKernels();
  return threads > 1 ? openWasm(module, () => new ThreadPool(threads)) : openWasm(module);
}
