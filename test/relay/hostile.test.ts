// A relay between a hostile coordinator and hostile workers: damaged messages from both sides, in any order. A peer may lose its
// connection, but no message may cause an unexpected error or end the relay.
import { expect, test } from "vitest";
import { Random } from "../../dist/shared/random.js";
import { Grammar } from "../../scripts/fuzz/grammar.mjs";
import { classesConfig, valuesConfig } from "../../scripts/faults/small-config.mjs";
import { encodeFrame } from "../../src/shared/protocol/frame.js";
import type { MemoryTransport } from "../support/memory-transport.js";
import { RelayInMemory } from "../support/relay-in-memory.js";

/** The relay's peers; each reconnects when it loses its connection. */
class RelayUnderFire extends RelayInMemory {
  readonly failures: unknown[] = [];
  private down: MemoryTransport | undefined;

  override fromCoordinator(bytes: Uint8Array): void {
    if (!this.up.isOpen) this.connect();
    super.fromCoordinator(bytes);
  }

  fromWorker(bytes: Uint8Array): void {
    if (!this.down?.isOpen) this.replaceWorker("node");
    this.down?.receiveBytes(bytes);
  }

  /** Replaces the peer by another worker or relay. */
  replaceWorker(kind: "node" | "relay"): void {
    this.down?.end(1006, "");
    this.down = this.join("w", kind, 2);
  }

  override close(): void {
    this.down?.end(1006, "");
    super.close();
  }

  protected override onFailure(error: unknown): void {
    this.failures.push(error);
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
    for (let event = 0; event < 40; event++) {
      const choice = random.below(10);
      if (choice === 0) relay.sendState(2 + random.below(2));
      else if (choice === 1) relay.replaceWorker(random.below(2) === 0 ? "node" : "relay");
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
