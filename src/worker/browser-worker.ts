// A worker in a browser: the same main loop, limits and computation as in Node (worker.ts), over the browser's WebSocket, with
// reports to the page that started it. The browser's global scope is passed in, so that this file also runs without a browser.
import { messageOf } from "../shared/errors.js";
import type { Engine } from "../shared/engine/engine.js";
import type {
  BrowserWorkerTotals,
  FromBrowserWorker,
  ToBrowserWorker,
} from "../shared/protocol/browser-messages.js";
import type { Transport } from "../shared/protocol/transport.js";
import { sanitizeText } from "../shared/text.js";
import { dialFromBrowser } from "./browser-dial.js";
import type { BrowserSocket } from "./browser-transport.js";
import { type FinishedTask, ReportingRuntime } from "./reporting-runtime.js";
import { Route } from "./route.js";
import { RefusedError, runWorker, type WorkerEvent } from "./worker.js";

const MAX_REASON_LENGTH = 300;

/** What the browser's global scope provides. */
export interface BrowserScope {
  openSocket: (url: string) => BrowserSocket;
  /** @param kernelsUrl URL of the engine's WebAssembly module */
  loadEngine: (kernelsUrl: string) => Promise<Engine>;
  /** Memory limit for a run, in bytes, unless the page sets one. */
  memoryBytes: number;
  post: (message: FromBrowserWorker) => void;
}

/** Works until the run is over or `stop` is aborted. Always posts a final event, and never throws. */
export async function runBrowserWorker(
  start: ToBrowserWorker & { type: "start" },
  scope: BrowserScope,
  stop: AbortSignal,
): Promise<void> {
  const activity = new Activity(scope.post);
  try {
    const engine = await scope.loadEngine(start.kernelsUrl);
    await runWorker(
      {
        name: start.name,
        kind: "browser",
        route: new Route({ url: start.url, shownUrl: start.url }),
        // The page shows that the coordinator is unreachable; the user decides how long to wait.
        retryForMs: Infinity,
        resources: { memoryBytes: start.memoryBytes ?? scope.memoryBytes, engines: [engine.name] },
        createRuntime: (layout, broadcast) =>
          new ReportingRuntime(activity, layout, broadcast, () => engine),
      },
      (event) => activity.onEvent(event),
      stop,
      (serve) => dialFromBrowser(start.url, scope.openSocket, stop, activity.count(serve)),
    );
    if (!activity.hasEnded) scope.post({ type: "stopped" });
  } catch (error) {
    scope.post(lastEventOf(error));
  }
}

function lastEventOf(error: unknown): FromBrowserWorker {
  if (error instanceof RefusedError) {
    const { cause, reason } = error.refusal;
    return { type: "refused", cause, reason: sanitizeText(reason, MAX_REASON_LENGTH) };
  }
  return { type: "failed", reason: sanitizeText(messageOf(error), MAX_REASON_LENGTH) };
}

/** What this worker has done, over all its connections. */
class Activity {
  hasEnded = false;
  private readonly post: BrowserScope["post"];
  private readonly work = { shards: 0, evaluationBatches: 0, samples: 0, weightsStep: -1 };
  /** Totals of closed connections. */
  private readonly closed = { bytesReceived: 0, bytesSent: 0 };
  private transport: Transport | undefined;

  constructor(post: BrowserScope["post"]) {
    this.post = post;
  }

  /** Wraps `serve` so that the connection's bytes are counted. */
  count<T>(serve: (transport: Transport) => Promise<T>): (transport: Transport) => Promise<T> {
    return (transport) => {
      this.transport = transport;
      return serve(transport).finally(() => {
        this.transport = undefined;
        this.closed.bytesReceived += transport.bytesReceived;
        this.closed.bytesSent += transport.bytesSent;
      });
    };
  }

  onEvent(event: WorkerEvent): void {
    switch (event.event) {
      case "connected":
        this.post({ type: "connected", name: event.name });
        return;
      case "waiting":
        this.post({ type: "waiting", reason: event.reason });
        return;
      case "ended":
        this.hasEnded = true;
        this.post({ type: "ended", reason: event.reason });
        return;
      default:
        event satisfies never;
    }
  }

  onWeights(step: number): void {
    this.work.weightsStep = step;
    this.post({ type: "weights", totals: this.totals });
  }

  onTask(task: FinishedTask): void {
    if (task.kind === "shard") this.work.shards++;
    else this.work.evaluationBatches++;
    this.work.samples += task.sampleCount;
    this.post({ type: "task", ...task, totals: this.totals });
  }

  private get totals(): BrowserWorkerTotals {
    const { bytesReceived, bytesSent } = this.closed;
    return {
      ...this.work,
      bytesReceived: bytesReceived + (this.transport?.bytesReceived ?? 0),
      bytesSent: bytesSent + (this.transport?.bytesSent ?? 0),
    };
  }
}
