// A worker in Node: connects with `ws` and computes with any engine.
import { totalmem } from "node:os";
import { ENGINE_NAMES } from "../shared/engine/engine.js";
import { openEngine } from "../shared/engine/open-engine.js";
import { dial, type DialOptions } from "./dial.js";
import { runWorker, type WorkerEvent, type WorkerOptions } from "./worker.js";
import { WorkerRuntime } from "./worker-runtime.js";

export type NodeWorkerOptions = DialOptions & Pick<WorkerOptions, "name" | "route" | "retryForMs">;

/** As `runWorker`. @throws TandemError as `runWorker` */
export function runNodeWorker(
  options: NodeWorkerOptions,
  onEvent: (event: WorkerEvent) => void,
  stop: AbortSignal,
): Promise<void> {
  return runWorker(
    {
      ...options,
      kind: "node",
      resources: { memoryBytes: totalmem(), engines: ENGINE_NAMES },
      createRuntime: (layout, broadcast) =>
        new WorkerRuntime(layout, broadcast, (engine) => openEngine(engine)),
    },
    onEvent,
    stop,
    (serve) => dial(options.route.current.url, options, stop, serve),
  );
}
