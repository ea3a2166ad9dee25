// A relay is a worker to its coordinator (or to another relay) and a coordinator to workers of its own. It receives each broadcast
// once and forwards it to all of them, and sums their gradients.
import { totalmem } from "node:os";
import type { ServerOptions } from "../coordinator/workers/server.js";
import type { EndReason } from "../coordinator/workers/tasks.js";
import type { BroadcastKind } from "../shared/config.js";
import { ENGINE_NAMES } from "../shared/engine/engine.js";
import type { Events } from "../shared/events.js";
import type { RunLayout } from "../shared/run-layout.js";
import { dial, type DialOptions } from "../worker/dial.js";
import { runWorker, type WorkerEvent, type WorkerOptions } from "../worker/worker.js";
import type { RelayRuntime } from "./relay-runtime.js";
import { RelayedRun } from "./relayed-run.js";

export interface RelayOptions
  extends DialOptions, Pick<WorkerOptions, "name" | "route" | "retryForMs"> {
  /** The port for its own workers. */
  server: ServerOptions;
}

/**
 * Relays until the run is over or `stop` is aborted. The port opens once the run's configuration is known.
 * @param events receives the events of its own workers
 * @param onEvent called with the events of its connection to the coordinator
 * @throws TandemError as `runWorker`, and `listen-failed`
 */
export async function runRelay(
  options: RelayOptions,
  events: Events,
  onEvent: (event: WorkerEvent) => void,
  stop: AbortSignal,
): Promise<void> {
  const relay = new Relay(options.server, events);
  const signal = AbortSignal.any([stop, relay.failed]);
  let reason: EndReason | undefined;
  try {
    await runWorker(
      {
        ...options,
        kind: "relay",
        resources: { memoryBytes: totalmem(), engines: ENGINE_NAMES, computes: false },
        createRuntime: (layout, broadcast) => relay.begin(layout, broadcast),
      },
      (event) => {
        if (event.event === "ended") reason = endReasonOf(event.reason);
        onEvent(event);
      },
      signal,
      (serve) => dial(options.route.current.url, options, signal, serve),
    );
  } finally {
    await relay.close(reason);
  }
  relay.failed.throwIfAborted();
}

class Relay {
  private readonly failure = new AbortController();
  private readonly events: Events;
  private server: ServerOptions;
  private run: RelayedRun | undefined;
  /** Resolves when the port can be opened again. */
  private settled: Promise<unknown> = Promise.resolve();

  constructor(server: ServerOptions, events: Events) {
    this.server = server;
    this.events = events;
  }

  /** Aborted if the port cannot be opened, with the error as its reason. */
  get failed(): AbortSignal {
    return this.failure.signal;
  }

  /** Called for the first run, and when the coordinator has a different run than before. */
  begin(layout: RunLayout, broadcast: BroadcastKind): RelayRuntime {
    const previous = this.run;
    const run = new RelayedRun(layout, broadcast, this.server, this.events);
    this.run = run;
    this.settled = this.settled
      .then(() => previous?.close(undefined))
      .then(() => (this.run === run ? this.open(run) : undefined))
      .catch((error: unknown) => this.failure.abort(error));
    return run.runtime;
  }

  async close(reason: EndReason | undefined): Promise<void> {
    await this.settled;
    await this.run?.close(reason);
  }

  private async open(run: RelayedRun): Promise<void> {
    const { port } = new URL(await run.listen());
    // Workers look for the next run at the same port.
    if (port !== "") this.server = { ...this.server, port: Number(port) };
  }
}

/** The reason of the message `end`, or of the close code, which has the same text. */
function endReasonOf(text: string): EndReason {
  return text === "interrupted" || text === "failed" ? text : "finished";
}
