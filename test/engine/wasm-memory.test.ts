// The memory of the wasm engine: blocks, plans and growth.
import fc from "fast-check";
import { expect, test } from "vitest";
import { BlockAllocator } from "../../src/shared/engine/wasm/block-allocator.js";
import { openWasmInNode } from "../../src/shared/engine/wasm/node.js";
import { initialTensors } from "../../src/shared/network/initial-values.js";
import { withEmptySlots } from "../../src/shared/replica/initial-state.js";
import { computeShard } from "../../src/shared/replica/shard-pass.js";
import { TrainingReplica } from "../../src/shared/replica/training-replica.js";
import { WeightsReplica } from "../../src/shared/replica/weights-replica.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { configOf } from "../support/config.js";

test("blocks never overlap, and all of them freed are one again", () => {
  const requests = fc.array(fc.tuple(fc.nat(5000), fc.nat(20)), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(requests, (sizes) => {
      const allocator = new BlockAllocator(100);
      const blocks: { at: number; byteLength: number }[] = [];
      for (const [byteLength, victim] of sizes) {
        blocks.push({ at: allocator.allocate(byteLength), byteLength });
        expectApart(blocks, allocator.end);
        const [freed] = victim < blocks.length ? blocks.splice(victim, 1) : [];
        if (freed) allocator.release(freed.at, freed.byteLength);
      }
      const { end } = allocator;
      for (const { at, byteLength } of blocks) allocator.release(at, byteLength);
      expect(allocator.allocate(end - 128)).toBe(128);
      expect(allocator.end).toBe(end);
    }),
  );
});

function expectApart(blocks: readonly { at: number; byteLength: number }[], end: number): void {
  const sorted = [...blocks].sort((a, b) => a.at - b.at);
  sorted.forEach(({ at, byteLength }, index) => {
    expect(at % 64).toBe(0);
    expect(at + byteLength).toBeLessThanOrEqual(sorted[index + 1]?.at ?? end);
  });
}

const SAMPLE_COUNTS = [10, 3, 7, 1, 12];

function samplesOf(count: number) {
  return {
    count,
    inputs: Uint8Array.from({ length: count * 80 }, (_, at) => (at * 37) % 256),
    targets: Int32Array.from({ length: count }, (_, at) => at % 4),
  };
}

test.each(["weights", "training"] as const)(
  "memory does not grow over 50 runs of a %s replica with changing sample counts",
  (kind) => {
    const config = configOf();
    const layout = layoutOfRun(config);
    const engine = openWasmInNode();
    const Replica = kind === "weights" ? WeightsReplica : TrainingReplica;
    const replica = new Replica(layout, engine);
    const initial = initialTensors(layout.network, config.seed);
    replica.load(kind === "weights" ? initial : withEmptySlots(layout, initial), 0);
    const [session] = engine.sessions;
    const { memoryBytes } = session!;
    const compute = (count: number) => {
      const { gradients } = computeShard(replica, {
        ...{ step: 0, firstSample: 0, samples: samplesOf(count) },
      });
      if (!(replica instanceof TrainingReplica)) return;
      replica.apply({ gradients, population: replica.population.layers });
    };
    for (const count of SAMPLE_COUNTS) compute(count);
    const grown = session!.memoryBytes;
    expect(grown).toBeGreaterThan(memoryBytes);
    for (let run = 0; run < 50; run++) compute(SAMPLE_COUNTS[run % SAMPLE_COUNTS.length]!);
    expect(session!.memoryBytes).toBe(grown);
    expect(session!.tensorCount).toBe(0);
    replica.dispose();
    expect(engine.sessions.size).toBe(0);
  },
);
