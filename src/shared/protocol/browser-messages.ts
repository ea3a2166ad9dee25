// The messages between the join page and its Web Workers, sent with postMessage. One Web Worker is one worker of the run. Only
// types: both sides are served by one coordinator, in one version, so messages are not validated.
// The page starts `new Worker("/join-worker.js", { type: "module" })`, posts `start`, and listens until one of the four final
// events (`isLast`), after which the Web Worker has closed itself. The page may also `terminate()` it at any time: the run
// continues without it, and its task is reassigned.

/** From the page to the Web Worker. */
export type ToBrowserWorker =
  /** First message, once. */
  | {
      type: "start";
      /** Of the coordinator: `ws:` or `wss:`, with the page's own host and port. */
      url: string;
      /** Chosen by the user. The coordinator may append a number: see `connected`. */
      name: string;
      /** URL of the wasm engine's module, on the page's own origin. */
      kernelsUrl: string;
      /** Bytes of memory that the run's network may use here; default: what the browser reports for the machine. */
      memoryBytes?: number;
    }
  /** Finish the current task, say goodbye and end. Answered by `stopped`. */
  | { type: "stop" };

/** What this Web Worker has done since `start`, over all its connections. */
export interface BrowserWorkerTotals {
  /** Shards computed and answered. */
  shards: number;
  evaluationBatches: number;
  /** Samples of those shards and evaluation batches. */
  samples: number;
  /** Payloads of WebSocket messages only: a browser does not expose the protocol's overhead. */
  bytesReceived: number;
  bytesSent: number;
  /** The step whose weights are loaded here; −1 before the first. */
  weightsStep: number;
}

/** Why a worker cannot take part in a run. Trying again would not help. */
export type RefusalCause =
  /** The run's engine is not available in browsers. */
  | "engine"
  /** This browser's results differ in the last bits from the coordinator's. */
  | "numerics"
  /** The page is older or newer than the coordinator: reload it. */
  | "version"
  /** The run's network needs more memory than this browser has. */
  | "memory"
  /** Anything else; see the reason. */
  | "other";

/** From the Web Worker to the page. Reasons are one line of plain text in English, safe to display. */
export type FromBrowserWorker =
  /** Welcomed by the coordinator, at the start and after each reconnection. Tasks may follow. */
  | { type: "connected"; name: string }
  /**
   * Not connected. The worker keeps trying until it is ended, with increasing delays of up to 5 s. Sent once per lost
   * connection. A browser hides from scripts why a connection was refused: ask the coordinator over HTTP if the token is valid.
   */
  | { type: "waiting"; reason: string }
  /** The weights of a step are complete. */
  | { type: "weights"; totals: BrowserWorkerTotals }
  /** A task was computed, and its answer handed to the browser for sending. */
  | {
      type: "task";
      kind: "shard" | "evaluation";
      step: number;
      sampleCount: number;
      /** Mean over the task's samples. */
      loss: number;
      /** Forward and backward pass; for an evaluation batch, the forward pass only. */
      computeMs: number;
      totals: BrowserWorkerTotals;
    }
  /** The run is over: `finished`, `interrupted` or `failed`. */
  | { type: "ended"; reason: string }
  /** After `stop`, with the goodbye sent. */
  | { type: "stopped" }
  /** The coordinator refused this worker, or this worker the run. Trying again would not help. */
  | { type: "refused"; cause: RefusalCause; reason: string }
  /** This Web Worker cannot compute: not enough memory, no WebAssembly SIMD, or the module does not load. */
  | { type: "failed"; reason: string };

/** Whether this is the last event. */
export function isLast({ type }: FromBrowserWorker): boolean {
  return type === "ended" || type === "stopped" || type === "refused" || type === "failed";
}
