// A relay between a coordinator and workers of which none is to be trusted: damaged messages from both sides, in any order. A peer
// may lose its connection; nothing that it sends is thrown out of the relay, or ends it.
import { expect, test } from "vitest";
import { Random } from "../../dist/shared/random.js";
import { Grammar } from "../../scripts/fuzz/grammar.mjs";
import { classesConfig, inThreeBuckets, valuesConfig } from "../../scripts/faults/small-config.mjs";
import { BanList } from "../../src/coordinator/workers/ban-list.js";
import { SendBudget } from "../../src/coordinator/workers/outbox.js";
import { Session } from "../../src/coordinator/workers/session.js";
import { DEFAULT_TIMES } from "../../src/coordinator/workers/session-times.js";
import { createRelayParts, type RelayParts } from "../../src/relay/relay-parts.js";
import type { BroadcastKind, RunConfig } from "../../src/shared/config.js";
import { ENGINE_NAMES } from "../../src/shared/engine/engine.js";
import { Events } from "../../src/shared/events.js";
import { encodeFrame } from "../../src/shared/protocol/frame.js";
import { PROTOCOL_VERSION } from "../../src/shared/protocol/messages.js";
import { configParts } from "../../src/shared/protocol/payloads/config.js";
import { sentTensors, stateFrame } from "../../src/shared/protocol/payloads/state.js";
import { groupsInOrder } from "../../src/coordinator/broadcast/state-frames.js";
import { sizeOf } from "../../src/shared/network/network.js";
import { layoutOfRun, type RunLayout } from "../../src/shared/run-layout.js";
import { serveConnection } from "../../src/worker/connection.js";
import type { RuntimeHolder } from "../../src/worker/runtime.js";
import { MemoryTransport } from "../support/memory-transport.js";

const never = new AbortController().signal;

/** A relay with its two sides in this process, and what its peers can do. */
class RelayUnderFire {
  readonly failures: unknown[] = [];
  private parts: RelayParts | undefined;
  private up = new MemoryTransport();
  private down: MemoryTransport | undefined;
  private readonly config: RunConfig;
  private readonly kind: BroadcastKind;
  private readonly layout: RunLayout;
  private readonly holder: RuntimeHolder = {
    runtime: undefined,
    create: (layout, kind) => {
      this.parts = createRelayParts(inThreeBuckets(layout), kind, new Events());
      return this.parts.runtime;
    },
  };

  constructor(config: RunConfig, kind: BroadcastKind) {
    this.config = config;
    this.kind = kind;
    this.layout = inThreeBuckets(layoutOfRun(config));
  }

  /** A new connection to the coordinator, whose welcome is in order. */
  connect(): void {
    this.up.end(1006, "");
    this.up = new MemoryTransport();
    const means = { memoryBytes: 1e12, engines: ENGINE_NAMES, computes: false };
    const options = { name: "r", kind: "relay", holder: this.holder, means } as const;
    serveConnection(this.up, { ...options, onWelcome: () => undefined }, never).catch(
      (error: unknown) => this.failures.push(error),
    );
    const welcome = {
      type: "welcome",
      protocol: PROTOCOL_VERSION,
      name: "r",
      broadcast: this.kind,
    };
    this.up.receive(welcome, configParts(this.config));
  }

  /** The whole state, as it should be. */
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
    if (!this.up.isOpen) this.connect();
    this.up.receiveBytes(bytes);
  }

  fromWorker(bytes: Uint8Array): void {
    if (!this.down?.isOpen) this.join("node");
    this.down?.receiveBytes(bytes);
  }

  /** A new worker, or a relay, whose handshake is in order. */
  join(kind: "node" | "relay"): void {
    if (!this.parts) return;
    this.down?.end(1006, "");
    this.down = new MemoryTransport();
    const { pool, broadcast, numerics } = this.parts;
    new Session(this.down, {
      ...{ pool, broadcast, numerics, times: DEFAULT_TIMES, bans: new BanList() },
      budget: new SendBudget(Infinity, () => undefined),
      address: "192.0.2.9",
      uniqueName: (requested) => requested,
      endReason: () => undefined,
      onProgress: () => undefined,
      onRejected: () => undefined,
      onClosed: () => undefined,
    });
    this.down.receive({ type: "hello", protocol: PROTOCOL_VERSION, name: "w", kind });
    this.down.receive({ type: "ready", numerics: this.config.numerics });
    if (kind === "relay") this.down.receive({ type: "capacity", tasks: 2 });
  }

  close(): void {
    this.down?.end(1006, "");
    this.up.end(1006, "");
    this.parts?.pool.close();
  }
}

test.each([
  ["classes", "weights", classesConfig],
  ["classes", "updates", classesConfig],
  ["values, with barriers", "weights", valuesConfig],
  ["values, with barriers", "updates", valuesConfig],
] as const)("targets are %s, and %s are sent", async (_name, kind, config) => {
  const random = new Random(3, `relay ${kind} ${config.loss.kind}`);
  const grammar = new Grammar(random);
  const fromWorker = grammar.valid.filter(
    ([{ type }]) => !grammar.fromCoordinator.some(([own]) => own["type"] === type),
  );
  const isOfRun = ([{ type }]: (typeof grammar.valid)[number]) => type !== "welcome";
  const fromCoordinator = grammar.fromCoordinator.filter(isOfRun);
  for (let round = 0; round < 40; round++) {
    const relay = new RelayUnderFire(config, kind);
    relay.connect();
    for (let event = 0; event < 40; event++) {
      const choice = random.below(10);
      if (choice === 0) relay.sendState(2 + random.below(2));
      else if (choice === 1) relay.join(random.below(2) === 0 ? "node" : "relay");
      else if (choice < 4) relay.fromCoordinator(encodeFrame(...grammar.any(fromCoordinator)));
      else if (choice < 6) relay.fromWorker(encodeFrame(...grammar.any(fromWorker)));
      else if (choice < 8) relay.fromCoordinator(grammar.message(fromCoordinator));
      else relay.fromWorker(grammar.message(fromWorker));
      // Tasks are assigned in a microtask.
      await Promise.resolve();
    }
    relay.close();
    expect(relay.failures).toEqual([]);
  }
});
