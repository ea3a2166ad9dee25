// A relay's part in one run, with the port for its workers.
import { MetricsSink } from "../coordinator/observe/sinks/metrics.js";
import { CoordinatorServer, type ServerOptions } from "../coordinator/workers/server.js";
import type { EndReason } from "../coordinator/workers/tasks.js";
import type { BroadcastKind } from "../shared/config.js";
import type { Events } from "../shared/events.js";
import type { RunLayout } from "../shared/run-layout.js";
import { createRelayParts, type RelayParts } from "./relay-parts.js";
import { RelayPort } from "./relay-port.js";
import type { RelayRuntime } from "./relay-runtime.js";

export class RelayedRun {
  private readonly parts: RelayParts;
  private readonly server: CoordinatorServer;
  private readonly stopMetrics: () => void;

  constructor(layout: RunLayout, kind: BroadcastKind, options: ServerOptions, events: Events) {
    this.parts = createRelayParts(layout, kind, events, () => this.server.dismissRelays());
    const { pool, broadcast, numerics, relayRefusal } = this.parts;
    const metrics = new MetricsSink({
      workers: () => this.server.workers(),
      pages: () => ({ bytes: 0, open: 0 }),
    });
    this.stopMetrics = events.add(metrics);
    const dashboard = new RelayPort({
      token: options.token,
      isReady: () => pool.capacity > 0,
      metrics: () => metrics.exposition(),
    });
    const parts = { pool, broadcast, numerics, relayRefusal, events, dashboard };
    this.server = new CoordinatorServer(options, parts);
  }

  get runtime(): RelayRuntime {
    return this.parts.runtime;
  }

  /** @returns the URL at which workers on this machine reach it @throws TandemError `listen-failed` */
  listen(): Promise<string> {
    return this.server.listen();
  }

  /** @param reason why the run is over; undefined if it is not, so that workers should connect elsewhere */
  async close(reason: EndReason | undefined): Promise<void> {
    this.parts.pool.close();
    await this.server.close(reason);
    this.stopMetrics();
  }
}
