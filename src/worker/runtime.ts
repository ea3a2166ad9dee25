// The runtime as a worker's connection sees it: it computes tasks or, in a relay, assigns them to other workers.
import type { BroadcastKind } from "../shared/config.js";
import type { FromCoordinator, FromWorker, ToRelay } from "../shared/protocol/messages.js";
import type { RunLayout } from "../shared/run-layout.js";
import type { Reply, WorkerRuntime } from "./worker-runtime.js";

/** What the runtime of a relay does in addition. */
export interface RelayDuties {
  /** The connection is ready; `send` may be used until `endTasks`. */
  onReady(send: (reply: Reply) => void): void;
  /** The connection broke, and the run is not known to be over. */
  onLost(): void;
  /** More bytes of a tail have arrived. */
  noteTail(byteLength: number): void;
  /** @throws FrameError if the message does not match the run */
  takeFromCoordinator(message: ToRelay): void;
}

/** What a connection uses of a `WorkerRuntime`. */
export type Runtime = Partial<RelayDuties> &
  Pick<
    WorkerRuntime,
    | "numerics"
    | "fits"
    | "takeState"
    | "takeUpdate"
    | "takeFactors"
    | "takeMerged"
    | "endTasks"
    | "compute"
  > & {
    /**
     * Memory that the tail of a state is written to as it arrives.
     * @param parts the parts before the tail
     * @throws FrameError if this cannot be the tail of this run's state
     */
    tailPlaces(
      message: FromCoordinator,
      lengths: readonly number[],
      parts: readonly Uint8Array[],
    ): Uint8Array[];
    /** Undefined for a relay, which compares its workers' digests itself. */
    digest(): (FromWorker & { type: "digest" }) | undefined;
  };

/** Keeps the runtime between connections, so that a worker that reconnects need not load its engine again. */
export interface RuntimeHolder {
  runtime: Runtime | undefined;
  create(layout: RunLayout, broadcast: BroadcastKind): Runtime;
}
