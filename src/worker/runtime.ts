// What a connection needs of what computes, or, in a relay, of what has others compute.
import type { BroadcastKind } from "../shared/config.js";
import type { FromCoordinator, FromWorker, ToRelay } from "../shared/protocol/messages.js";
import type { RunLayout } from "../shared/run-layout.js";
import type { Reply, WorkerRuntime } from "./worker-runtime.js";

/** What the runtime of a relay does besides. */
export interface RelayDuties {
  /** The connection is ready: what happens behind the relay can be reported, until `endTasks`. */
  onReady(send: (reply: Reply) => void): void;
  /** The connection broke, and the run is not known to be over. */
  onLost(): void;
  /** So many bytes of a tail have come. */
  noteTail(byteLength: number): void;
  /** @throws FrameError where it does not belong here */
  takeFromCoordinator(message: ToRelay): void;
}

/** What a connection needs of a `WorkerRuntime`. */
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
     * Where the tail of a state is written as it arrives.
     * @param parts of the state that have come already
     * @throws FrameError where it cannot be the tail of this run's
     */
    tailPlaces(
      message: FromCoordinator,
      lengths: readonly number[],
      parts: readonly Uint8Array[],
    ): Uint8Array[];
    /** undefined: of a relay, which compares its workers' digests itself. */
    digest(): (FromWorker & { type: "digest" }) | undefined;
  };

/** The runtime outlives a connection, so that a worker that comes back need not load its engine again. */
export interface RuntimeHolder {
  runtime: Runtime | undefined;
  create(layout: RunLayout, broadcast: BroadcastKind): Runtime;
}
