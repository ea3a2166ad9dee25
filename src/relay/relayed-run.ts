// One run behind a relay, put together from its parts: its workers' port, pool and broadcast, and the runtime that the coordinator
// sees.
import { NumericsCheck } from "../coordinator/workers/numerics-check.js";
import { MetricsSink } from "../coordinator/observe/sinks/metrics.js";
import { CoordinatorServer, type ServerOptions } from "../coordinator/workers/server.js";
import type { EndReason } from "../coordinator/workers/tasks.js";
import type { BroadcastKind } from "../shared/config.js";
import type { Events } from "../shared/events.js";
import type { RunLayout } from "../shared/run-layout.js";
import type { Reply } from "../worker/worker-runtime.js";
import type { RelayBroadcast } from "./relay-broadcast.js";
import type { Send } from "./relay-answers.js";
import { RelayPool } from "./relay-pool.js";
import { RelayPort } from "./relay-port.js";
import { RelayRuntime } from "./relay-runtime.js";
import { RelayedUpdates } from "./relayed-updates.js";
import { RelayedWeights } from "./relayed-weights.js";

export class RelayedRun {
  readonly runtime: RelayRuntime;
  private readonly pool: RelayPool;
  private readonly server: CoordinatorServer;
  private readonly metrics: MetricsSink;
  /** To the coordinator, while there is one. */
  private uplink: ((reply: Reply) => void) | undefined;

  constructor(layout: RunLayout, kind: BroadcastKind, options: ServerOptions, events: Events) {
    const send: Send = (message, parts = []) => this.uplink?.({ message, parts });
    const broadcast: RelayBroadcast =
      kind === "updates" ? new RelayedUpdates(layout, send) : new RelayedWeights(layout);
    this.pool = new RelayPool({
      ...{ events, layout, send },
      onShard: (owner, shard, gradients) => broadcast.takeAnswer(owner, shard, gradients),
    });
    const { pool } = this;
    this.metrics = new MetricsSink({
      workers: () => this.server.workers(),
      pages: () => ({ bytes: 0, open: 0 }),
    });
    const dashboard = new RelayPort({
      token: options.token,
      isReady: () => pool.capacity > 0,
      metrics: () => this.metrics.exposition(),
    });
    const { config } = layout;
    const numerics = new NumericsCheck({
      ...{ config, events, isMixedAllowed: false, step: () => broadcast.step },
    });
    this.server = new CoordinatorServer(options, { pool, broadcast, numerics, events, dashboard });
    this.runtime = new RelayRuntime({
      ...{ layout, kind, pool, broadcast },
      onUplink: (uplink) => (this.uplink = uplink),
    });
    events.add(this.metrics);
  }

  /** @returns the URL at which workers on this machine reach it @throws TandemError `listen-failed` */
  listen(): Promise<string> {
    return this.server.listen();
  }

  /** @param reason why the run is over; undefined where it is not, and the workers are to go on elsewhere */
  async close(reason: EndReason | undefined): Promise<void> {
    this.uplink = undefined;
    this.pool.close();
    await this.server.close(reason);
  }
}
