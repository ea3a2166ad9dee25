// The wasm engine interprets graphs with strict WebAssembly kernels. Its results have the same bits on every processor, in every
// JavaScript engine and with any number of threads.
import type { Graph } from "../../graph/graph.js";
import type { Engine } from "../engine.js";
import { type Executor, SingleThread } from "./executor.js";
import { WasmSession } from "./session.js";
import type { WasmModule } from "./webassembly.js";

export interface WasmEngine extends Engine {
  open(graph: Graph): WasmSession;
  /** The open sessions. */
  readonly sessions: ReadonlySet<WasmSession>;
}

/**
 * @param module the compiled kernels; in Node from `loadKernels` (load-kernels.ts)
 * @param startExecutor called for each session; for several threads see thread-pool.ts
 */
export function openWasm(
  module: WasmModule,
  startExecutor: () => Executor = () => new SingleThread(module),
): WasmEngine {
  const sessions = new Set<WasmSession>();
  return {
    name: "wasm",
    open: (graph) => {
      // A closed session must not be referenced, so that the garbage collector can free its memory.
      const session = new WasmSession(graph, startExecutor(), () => void sessions.delete(session));
      sessions.add(session);
      return session;
    },
    sessions,
  };
}
