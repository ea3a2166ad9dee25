// What a connection needs of what computes, or, in a relay, of what has others compute.
import type { BroadcastKind } from "../shared/config.js";
import type { FromWorker, ToRelay } from "../shared/protocol/messages.js";
import type { RunLayout } from "../shared/run-layout.js";
import type { Reply, WorkerRuntime } from "./worker-runtime.js";

/** What the runtime of a relay does besides. */
export interface RelayDuties {
  /** The connection is ready: what happens behind the relay can be reported, until `endTasks`. */
  onReady(send: (reply: Reply) => void): void;
  /** @throws FrameError where it does not belong here */
  takeFromCoordinator(message: ToRelay): void;
}

/** What a connection needs of a `WorkerRuntime`. */
export type Runtime = Partial<RelayDuties> &
  Pick<
    WorkerRuntime,
    | "numerics"
    | "fits"
    | "tailPlaces"
    | "takeState"
    | "takeUpdate"
    | "takeFactors"
    | "takeMerged"
    | "endTasks"
    | "compute"
  > & {
    /** undefined: of a relay, which compares its workers' digests itself. */
    digest(): (FromWorker & { type: "digest" }) | undefined;
  };

/** The runtime outlives a connection, so that a worker that comes back need not load its engine again. */
export interface RuntimeHolder {
  runtime: Runtime | undefined;
  create(layout: RunLayout, broadcast: BroadcastKind): Runtime;
}
