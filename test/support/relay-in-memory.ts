// A relay in this process; the test plays the coordinator and the relay's workers.
import { inThreeBuckets } from "../../scripts/faults/small-config.mjs";
import { groupsInOrder } from "../../src/coordinator/broadcast/state-frames.js";
import { BanList } from "../../src/coordinator/workers/ban-list.js";
import { SendBudget } from "../../src/coordinator/workers/outbox.js";
import { Session } from "../../src/coordinator/workers/session.js";
import { DEFAULT_TIMES } from "../../src/coordinator/workers/session-times.js";
import { createRelayParts, type RelayParts } from "../../src/relay/relay-parts.js";
import type { BroadcastKind, RunConfig } from "../../src/shared/config.js";
import { ENGINE_NAMES } from "../../src/shared/engine/engine.js";
import { Events } from "../../src/shared/events.js";
import { sizeOf } from "../../src/shared/network/network.js";
import { PROTOCOL_VERSION, type WorkerKind } from "../../src/shared/protocol/messages.js";
import { configParts } from "../../src/shared/protocol/payloads/config.js";
import { sentTensors, stateFrame } from "../../src/shared/protocol/payloads/state.js";
import { denseParameters } from "../../src/shared/protocol/payloads/sum.js";
import { layoutOfRun, type RunLayout } from "../../src/shared/run-layout.js";
import { serveConnection } from "../../src/worker/connection.js";
import type { RuntimeHolder } from "../../src/worker/runtime.js";
import { MemoryTransport } from "./memory-transport.js";

const never = new AbortController().signal;

export class RelayInMemory {
  readonly layout: RunLayout;
  /** The relay's end of the connection to its coordinator. */
  up = new MemoryTransport();
  private relayParts: RelayParts | undefined;
  private readonly config: RunConfig;
  private readonly kind: BroadcastKind;
  private readonly holder: RuntimeHolder = {
    runtime: undefined,
    create: (layout, kind) => {
      this.relayParts = createRelayParts(inThreeBuckets(layout), kind, new Events());
      return this.relayParts.runtime;
    },
  };

  constructor(config: RunConfig, kind: BroadcastKind) {
    this.config = config;
    this.kind = kind;
    this.layout = inThreeBuckets(layoutOfRun(config));
    this.connect();
  }

  get parts(): RelayParts {
    return this.relayParts!;
  }

  /** The messages of one type that the relay has sent to its current coordinator. */
  sentUp(type: string): Record<string, unknown>[] {
    return this.up.sent.filter((header) => header["type"] === type);
  }

  /** Connects a coordinator, or another one of the same run. */
  connect(): void {
    this.up.end(1006, "");
    this.up = new MemoryTransport();
    const resources = { memoryBytes: 1e12, engines: ENGINE_NAMES, computes: false };
    const options = { name: "r", kind: "relay", holder: this.holder, resources } as const;
    serveConnection(this.up, { ...options, onWelcome: () => undefined }, never).catch(
      (error: unknown) => this.onFailure(error),
    );
    const welcome = { type: "welcome", protocol: PROTOCOL_VERSION, name: "r" };
    this.up.receive({ ...welcome, broadcast: this.kind }, configParts(this.config));
  }

  sendState(step: number): void {
    const replicaKind = this.kind === "updates" ? "with-slots" : "weights-only";
    for (const group of groupsInOrder(this.layout)) {
      const tensors = sentTensors(this.layout, replicaKind, group);
      const values = tensors.map(({ shape }) => new Float32Array(sizeOf(shape)).fill(0.5));
      const { messages } = stateFrame(this.layout, replicaKind, group, step, values);
      for (const message of messages) this.fromCoordinator(message);
    }
  }

  fromCoordinator(bytes: Uint8Array): void {
    this.up.receiveBytes(bytes);
  }

  /** Resolves when the relay has assigned all tasks that it can. */
  async sendShard(task: number, step: number, shard: number): Promise<void> {
    const count = this.layout.shardSizes[shard]!;
    const inputs = new Uint8Array(count * sizeOf(this.layout.network.inputShape));
    const header = { type: "shard", task, step, shard, first: 0, count };
    this.up.receive(header, [inputs, new Int32Array(count)]);
    await Promise.resolve();
  }

  /** Connects a worker or relay, up to the end of its handshake. @returns the relay's end of the connection */
  join(name: string, kind: WorkerKind = "node", capacity = 1): MemoryTransport {
    const down = new MemoryTransport();
    openSession(down, this.parts);
    down.receive({ type: "hello", protocol: PROTOCOL_VERSION, name, kind });
    down.receive({ type: "ready", numerics: this.config.numerics });
    if (kind === "relay") down.receive({ type: "capacity", tasks: capacity });
    return down;
  }

  /** Dense gradients of a bucket, as the parts of `sum`. */
  sumParts(bucket: number): Float32Array[] {
    return denseParameters(this.layout, bucket).map(({ shape }) => new Float32Array(sizeOf(shape)));
  }

  close(): void {
    this.up.end(1006, "");
    this.parts.pool.close();
  }

  /** Whether the relay's connection to its coordinator has failed. */
  protected onFailure(error: unknown): void {
    throw error;
  }
}

/** A peer that has connected to the relay's port, before its hello. */
export function openSession(down: MemoryTransport, parts: RelayParts): void {
  const { pool, broadcast, numerics, relayRefusal } = parts;
  new Session(down, {
    ...{ pool, broadcast, numerics, relayRefusal },
    ...{ times: DEFAULT_TIMES, bans: new BanList() },
    budget: new SendBudget(Infinity, () => undefined),
    address: "192.0.2.9",
    uniqueName: (requested) => requested,
    endReason: () => undefined,
    onProgress: () => undefined,
    onRejected: () => undefined,
    onClosed: () => undefined,
  });
}

/** The shard tasks that were sent over a connection. */
export function shardTasks({ sent }: MemoryTransport): Record<string, unknown>[] {
  return sent.filter((header) => header["type"] === "shard");
}
