// A run with relays in this process: coordinator, relays and workers speak the protocol over connections in memory, and any of
// them can be killed after a number of messages.
import type { Broadcast, WorkerBroadcast } from "../../src/coordinator/broadcast/broadcast.js";
import { UpdateBroadcast } from "../../src/coordinator/broadcast/update-broadcast.js";
import { WeightsBroadcast } from "../../src/coordinator/broadcast/weights-broadcast.js";
import { CheckpointWriter } from "../../src/coordinator/checkpoint-writer.js";
import { StepPlanner } from "../../src/coordinator/step-plan.js";
import { TrainingLoop } from "../../src/coordinator/training-loop.js";
import { Arbiter } from "../../src/coordinator/workers/arbiter.js";
import { BanList } from "../../src/coordinator/workers/ban-list.js";
import { NumericsCheck } from "../../src/coordinator/workers/numerics-check.js";
import { SendBudget } from "../../src/coordinator/workers/outbox.js";
import { Pool } from "../../src/coordinator/workers/pool.js";
import { Session } from "../../src/coordinator/workers/session.js";
import { DEFAULT_TIMES } from "../../src/coordinator/workers/session-times.js";
import type { WorkerPool } from "../../src/coordinator/workers/worker-pool.js";
import { createRelayParts } from "../../src/relay/relay-parts.js";
import type { BroadcastKind } from "../../src/shared/config.js";
import type { DataSource } from "../../src/shared/data/samples.js";
import { ENGINE_NAMES } from "../../src/shared/engine/engine.js";
import { openEngine } from "../../src/shared/engine/open-engine.js";
import { Events } from "../../src/shared/events.js";
import type { Transport } from "../../src/shared/protocol/transport.js";
import type { TrainingReplica } from "../../src/shared/replica/training-replica.js";
import type { RunLayout } from "../../src/shared/run-layout.js";
import { Route } from "../../src/worker/route.js";
import type { Runtime } from "../../src/worker/runtime.js";
import { runWorker } from "../../src/worker/worker.js";
import { WorkerRuntime } from "../../src/worker/worker-runtime.js";
import { temporaryFolder } from "./data.js";
import { transportPair } from "./transport-pair.js";

/** A node that others can connect to. */
interface Node {
  accept: ((transport: Transport) => void) | undefined;
  stop: AbortController;
  transports: Set<Transport>;
  /** Messages that it may still send before it is killed. */
  messagesLeft: number;
}

const ROOT = "root";

export class MemoryTree {
  /** Peers that were rejected, with the reasons. */
  readonly rejections: string[] = [];
  private readonly replica: TrainingReplica;
  private readonly pool: Pool;
  private readonly broadcast: Broadcast;
  private readonly nodes = new Map<string, Node>();
  private readonly sessions = new Set<Session>();
  private readonly running: Promise<void>[] = [];
  private readonly changeLayout: (layout: RunLayout) => RunLayout;
  private addressCount = 0;

  /** @param changeLayout applied where a worker or relay makes its own */
  constructor(
    replica: TrainingReplica,
    kind: BroadcastKind,
    minWorkers: number,
    changeLayout: (layout: RunLayout) => RunLayout = (layout) => layout,
  ) {
    this.replica = replica;
    this.changeLayout = changeLayout;
    const { layout } = replica;
    this.pool = new Pool(new Events(), {
      ...{ startWith: minWorkers, continueWith: 1, waitMs: 20_000 },
      barriers: layout.barriers,
      arbiter: () => new Arbiter(replica),
    });
    // As requested, even if updates are not smaller than weights.
    const Kind = kind === "updates" ? UpdateBroadcast : WeightsBroadcast;
    this.broadcast = new Kind(layout);
    this.broadcast.open(replica);
    const root = this.add(ROOT, Infinity);
    root.accept = this.acceptor(this.pool, this.broadcast, layout, root);
  }

  /** @param above names of relays to join through, tried in turn before the coordinator */
  relay(name: string, above: readonly string[] = [], messagesLeft = Infinity): void {
    const node = this.add(name, messagesLeft);
    this.run(name, "relay", node, above, (own, kind) => {
      const layout = this.changeLayout(own);
      const { pool, broadcast, runtime } = createRelayParts(layout, kind, new Events());
      node.accept = this.acceptor(pool, broadcast, layout, node);
      return runtime;
    });
  }

  worker(name: string, above: readonly string[] = [], messagesLeft = Infinity): void {
    const node = this.add(name, messagesLeft);
    this.run(name, "node", node, above, (own, kind) => {
      return new WorkerRuntime(this.changeLayout(own), kind, openEngine);
    });
  }

  kill(name: string): void {
    const node = this.nodes.get(name);
    if (!node) return;
    this.nodes.delete(name);
    node.accept = undefined;
    for (const transport of node.transports) transport.destroy();
    node.stop.abort();
  }

  /** Trains, ends all sessions, and returns the state with slots. */
  async train(data: DataSource, steps: number, evalEvery = 0): Promise<Buffer> {
    const { replica, pool, broadcast } = this;
    const events = new Events();
    const writer = new CheckpointWriter(`${temporaryFolder()}/c.safetensors`, events);
    const planner = new StepPlanner(replica.layout, data, evalEvery);
    const loop = new TrainingLoop(
      { steps, evalEvery, checkpointEvery: 0 },
      { planner, replica, pool, broadcast, writer, events },
    );
    await loop.run(new AbortController().signal);
    for (const name of [...this.nodes.keys()]) if (name !== ROOT) this.kill(name);
    await Promise.all(this.running);
    const state = replica.snapshot("with-slots").map(({ values }) => Buffer.from(values.buffer));
    return Buffer.concat(state);
  }

  private add(name: string, messagesLeft: number): Node {
    const node: Node = {
      ...{ accept: undefined, stop: new AbortController() },
      ...{ transports: new Set<Transport>(), messagesLeft },
    };
    this.nodes.set(name, node);
    return node;
  }

  private run(
    name: string,
    kind: "node" | "relay",
    node: Node,
    above: readonly string[],
    createRuntime: (layout: RunLayout, kind: BroadcastKind) => Runtime,
  ): void {
    const address = (url: string) => ({ url, shownUrl: url });
    const route = new Route(address(ROOT), above.map(address));
    const resources = { memoryBytes: 1e12, engines: ENGINE_NAMES, computes: kind === "node" };
    const options = { name, kind, resources, createRuntime, route, retryForMs: 20_000 };
    const done = runWorker(
      options,
      () => undefined,
      node.stop.signal,
      (serve) => {
        const other = this.nodes.get(route.current.url);
        if (!other?.accept) return Promise.resolve({ kind: "failed", reason: "not there" });
        const [far, near] = transportPair();
        this.count(name, node, near);
        this.count(route.current.url, other, far);
        other.accept(far);
        return serve(near);
      },
    );
    this.running.push(done.catch((error: unknown) => void this.rejections.push(String(error))));
  }

  private count(name: string, node: Node, transport: Transport): void {
    node.transports.add(transport);
    const send = transport.send.bind(transport);
    transport.send = (message, onDrained) => {
      if (--node.messagesLeft === 0) setImmediate(() => this.kill(name));
      if (node.messagesLeft >= 0) send(message, onDrained);
    };
  }

  private acceptor(
    pool: WorkerPool,
    broadcast: WorkerBroadcast,
    { config }: RunLayout,
    node: Node,
  ): (transport: Transport) => void {
    const numerics = new NumericsCheck({
      ...{ config, isMixedAllowed: false, events: new Events(), step: () => 0 },
    });
    return (transport) => {
      const session = new Session(transport, {
        ...{ pool, broadcast, numerics, times: DEFAULT_TIMES, bans: new BanList() },
        budget: new SendBudget(Infinity, () => undefined),
        address: `192.0.2.${++this.addressCount % 256}`,
        uniqueName: (requested) => requested,
        endReason: () => undefined,
        onProgress: () => undefined,
        onRejected: (name, reason) => void this.rejections.push(`${name}: ${reason}`),
        onClosed: (closed) => {
          this.sessions.delete(closed);
          node.transports.delete(transport);
        },
      });
      this.sessions.add(session);
    };
  }
}
