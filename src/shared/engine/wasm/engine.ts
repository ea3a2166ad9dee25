// The wasm engine: graphs interpreted with strict WebAssembly kernels. Its results are the same bits on every processor, in every
// JavaScript engine and with any number of threads.
import type { Graph } from "../../graph/graph.js";
import type { Engine } from "../engine.js";
import { type Executor, SingleThread } from "./executor.js";
import { WasmSession } from "./session.js";
import type { WasmModule } from "./webassembly.js";

export interface WasmEngine extends Engine {
  open(graph: Graph): WasmSession;
  /** Those that are open. */
  readonly sessions: ReadonlySet<WasmSession>;
}

/**
 * @param module the kernels, compiled: in Node from `loadKernels` (load-kernels.ts)
 * @param startExecutor of each session; other than one thread's there are those of thread-pool.ts
 */
export function openWasm(
  module: WasmModule,
  startExecutor: () => Executor = () => new SingleThread(module),
): WasmEngine {
  const sessions = new Set<WasmSession>();
  return {
    name: "wasm",
    open: (graph) => {
      // One that is closed must not be held: its memory is what the garbage collector can free.
      const session = new WasmSession(graph, startExecutor(), () => void sessions.delete(session));
      sessions.add(session);
      return session;
    },
    sessions,
  };
}
