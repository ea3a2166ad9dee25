// Contributions of shards to a step's barriers, in any order and more than once.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BarrierCollector } from "../../src/coordinator/workers/barrier-collector.js";
import { type Barrier, mergeContributions } from "../../src/shared/statistics/barrier.js";

const BARRIERS: Barrier[] = (["forward", "backward"] as const).map((direction) => {
  return { layer: "bn", direction, channels: 2, valuesPerSample: 3 };
});

/** Shards of unequal size, the last of one sample. */
const SHARDS = [3, 2, 2, 1].map((count, shard) => {
  const samples = { count, inputs: new Uint8Array(0), targets: new Int32Array(0) };
  return { shard, samples };
});

function valuesOf(shard: number, barrier: number): Float32Array {
  return Float32Array.of(shard, -shard, 0.5 + shard / 3, 1 + barrier);
}

function mergedOf(barrier: number): Float32Array {
  const contributions = SHARDS.map(({ shard, samples }) => {
    return { samples: samples.count, values: valuesOf(shard, barrier) };
  });
  return mergeContributions(BARRIERS[barrier]!, contributions);
}

describe("the contributions to barriers", () => {
  test("are merged in shard order, whatever the order of arrival, and with duplicates", () => {
    const arrivals = fc.shuffledSubarray([0, 0, 1, 1, 2, 3, 3], { minLength: 7 });
    fc.assert(
      fc.property(arrivals, arrivals, (...orders) => {
        const collector = new BarrierCollector(BARRIERS, SHARDS);
        orders.forEach((order, barrier) => {
          const seen = new Set<number>();
          for (const shard of order) {
            expect(collector.merged).toHaveLength(
              seen.size < SHARDS.length ? barrier : barrier + 1,
            );
            // If two differ, the first counts.
            const values = valuesOf(shard, barrier + (seen.has(shard) ? 1 : 0));
            expect(collector.add(shard, barrier, values)).toBe(!seen.has(shard));
            seen.add(shard);
          }
        });
        expect(collector.merged).toEqual([mergedOf(0), mergedOf(1)]);
      }),
    );
  });

  test("to past, future and nonexistent barriers do not count", () => {
    const collector = new BarrierCollector(BARRIERS, SHARDS);
    expect(collector.add(0, 1, valuesOf(0, 1))).toBe(false);
    for (const { shard } of SHARDS) collector.add(shard, 0, valuesOf(shard, 0));
    expect(collector.add(0, 0, valuesOf(0, 0))).toBe(false);
    for (const { shard } of SHARDS) collector.add(shard, 1, valuesOf(shard, 1));
    expect(collector.add(0, 2, valuesOf(0, 2))).toBe(false);
    expect(collector.merged).toHaveLength(2);
  });

  test("do not wait if there is a single shard", () => {
    const collector = new BarrierCollector(BARRIERS, SHARDS.slice(0, 1));
    collector.add(0, 0, valuesOf(0, 0));
    expect(collector.merged).toEqual([valuesOf(0, 0)]);
  });
});
