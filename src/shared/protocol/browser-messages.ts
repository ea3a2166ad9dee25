// What the join page and the Web Workers that it starts tell each other, by postMessage. One Web Worker is one worker of the
// run. Types alone: both sides come from one coordinator, in one version, so nothing here is checked when it arrives.
// The page starts `new Worker("/join-worker.js", { type: "module" })`, posts `start`, and listens until one of the four last
// events (`isLast`), after which the Web Worker has closed itself. The page may also end it with `terminate()` at any time:
// the run goes on without it, and the task in hand is computed elsewhere.

/** From the page to the Web Worker. */
export type ToBrowserWorker =
  /** First message, once. */
  | {
      type: "start";
      /** Of the coordinator: `ws:` or `wss:`, with the page's own host and port. */
      url: string;
      /** As the user chose it. The coordinator may add a number: see `connected`. */
      name: string;
      /** Where the wasm engine's module is, on the page's own origin. */
      kernelsUrl: string;
      /** Bytes of memory that the run's network may need here; default: what the browser says of the machine. */
      memoryBytes?: number;
    }
  /** Finish the task in hand, say goodbye and end. Answered by `stopped`. */
  | { type: "stop" };

/** What this Web Worker has done since `start`, over all its connections. */
export interface BrowserWorkerTotals {
  /** Shards computed and answered. */
  shards: number;
  evaluationBatches: number;
  /** Samples of those shards and evaluation batches. */
  samples: number;
  /** Of WebSocket messages, without the protocol's own overhead, which a browser does not show. */
  bytesReceived: number;
  bytesSent: number;
  /** The step whose weights are loaded here; −1 before there are any. */
  weightsStep: number;
}

/** Why a worker cannot take part in a run; another try would end the same way. */
export type RefusalCause =
  /** The run's engine does not exist in browsers. */
  | "engine"
  /** This browser computes other bits than the coordinator. */
  | "numerics"
  /** The page is of another version than the coordinator: load it again. */
  | "version"
  /** The run's network needs more than there is here. */
  | "memory"
  /** Whatever else, as the reason says. */
  | "other";

/** From the Web Worker to the page. Reasons are plain text of one line, safe to show, in English. */
export type FromBrowserWorker =
  /** Welcomed by the coordinator, at first and after each reconnection. Tasks follow when there are any. */
  | { type: "connected"; name: string }
  /**
   * Not connected; the worker goes on trying, with growing pauses of up to 5 s, for as long as it lives. Sent once per loss.
   * A browser hides from scripts why a connection was refused: ask the coordinator over HTTP whether the token is right.
   */
  | { type: "waiting"; reason: string }
  /** The weights of a step are complete. */
  | { type: "weights"; totals: BrowserWorkerTotals }
  /** A task was computed, and its answer given to the browser for sending. */
  | {
      type: "task";
      kind: "shard" | "evaluation";
      step: number;
      sampleCount: number;
      /** Mean over the task's samples. */
      loss: number;
      /** Forward and backward pass; of an evaluation batch the forward pass. */
      computeMs: number;
      totals: BrowserWorkerTotals;
    }
  /** The run is over: `finished`, `interrupted` or `failed`. */
  | { type: "ended"; reason: string }
  /** After `stop`, with the goodbye sent. */
  | { type: "stopped" }
  /** The coordinator refuses this worker, or this worker the run; another try would end the same way. */
  | { type: "refused"; cause: RefusalCause; reason: string }
  /** This Web Worker cannot compute: no memory, no WebAssembly SIMD, a module that does not load. */
  | { type: "failed"; reason: string };

/** @returns true where no event follows this one */
export function isLast({ type }: FromBrowserWorker): boolean {
  return type === "ended" || type === "stopped" || type === "refused" || type === "failed";
}
