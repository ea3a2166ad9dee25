// The relays' sums and the coordinator's totals: the bits are those of a star, for any set and order of arrivals.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sumGradients } from "../../src/coordinator/aggregate.js";
import {
  BucketCollector,
  type CompleteBucket,
} from "../../src/coordinator/workers/bucket-collector.js";
import { Schedule } from "../../src/coordinator/workers/schedule.js";
import { chooseSubtrees } from "../../src/coordinator/workers/subtree-choice.js";
import { SummedShards } from "../../src/coordinator/workers/summed-shards.js";
import { ShardSums } from "../../src/relay/shard-sums.js";
import { FrameError } from "../../src/shared/protocol/frame.js";
import { GradientTree } from "../../src/shared/replica/gradient-tree.js";
import type { Gradients } from "../../src/shared/replica/tensors.js";
import { foldTree } from "../../src/shared/statistics/tree.js";

/** Numbers of very different magnitudes, so that the order of additions affects the sum. */
function gradientsOf(shard: number): Gradients {
  const values = Float32Array.from({ length: 5 }, (_, index) => {
    return Math.fround(Math.sin(1 + 7 * shard + index) * 10 ** ((3 * shard + index) % 7));
  });
  return new Map([["w", { form: "dense", values }]]);
}

const valuesOf = (gradients: Gradients): Float32Array => {
  const gradient = gradients.get("w");
  if (gradient?.form !== "dense") throw new RangeError("not dense");
  return gradient.values;
};

/** The sum in the fixed tree, implemented independently of the code under test. */
function starSum(shards: number): Float32Array {
  return foldTree(
    Array.from({ length: shards }, (_, shard) => valuesOf(gradientsOf(shard))),
    (left, right) => left.map((value, index) => value + right[index]!),
  );
}

const sumOf = (from: number, count: number): Gradients => {
  const shards = Array.from({ length: from + count }, (_, shard) => gradientsOf(shard));
  return new Map([["w", { form: "dense", values: GradientTree.of(shards).sum("w", from, count) }]]);
};

async function firstBucket(collector: BucketCollector): Promise<CompleteBucket> {
  for await (const bucket of collector) return bucket;
  throw new Error("no bucket");
}

const arrival = fc.record({ level: fc.integer({ min: 0, max: 4 }), place: fc.nat(40) });

describe("the coordinator", () => {
  test("gets the star's bits from sums of any subtrees, overlapping and repeated, in any order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 21 }),
        fc.array(arrival, { maxLength: 30 }),
        async (shards, arrivals) => {
          const ids = Array.from({ length: shards }, (_, shard) => 100 + shard);
          const collector = new BucketCollector(ids, 1);
          const covered = new Set<number>();
          for (const { level, place } of arrivals) {
            const count = 2 ** level;
            const from = count * (place % Math.max(1, Math.floor(shards / count)));
            if (from + count > shards) continue;
            const gradients = sumOf(from, count);
            if (count === 1 && place % 2 === 0) collector.add(100 + from, 0, gradients);
            else collector.addSum(0, { from, count, gradients });
            for (let shard = from; shard < from + count; shard++) covered.add(shard);
          }
          // Missing shards come from workers; for the others, only what cannot be summed.
          ids.forEach((id, shard) => {
            const isCovered = covered.has(shard);
            collector.add(id, 0, isCovered ? new Map() : gradientsOf(shard), isCovered);
          });
          const { shards: own, dense } = await firstBucket(collector);
          const sum = valuesOf(sumGradients(["w"], own, dense));
          expect(Buffer.from(sum.buffer)).toEqual(Buffer.from(starSum(shards).buffer));
        },
      ),
    );
  });

  test("does not complete a bucket while a shard is missing from the sums", () => {
    const tree = new GradientTree();
    tree.add({ from: 0, count: 4, gradients: sumOf(0, 4) });
    tree.add({ from: 5, count: 1, gradients: gradientsOf(5) });
    expect(tree.isComplete(0, 6)).toBe(false);
    expect(() => tree.sum("w", 0, 6)).toThrow(RangeError);
    tree.add({ from: 4, count: 1, gradients: gradientsOf(4) });
    expect(tree.isComplete(0, 6)).toBe(true);
  });

  test("accepts only sums over complete subtrees of the relay's own shards", () => {
    const summed = new SummedShards(2);
    for (const shard of [2, 3, 4]) summed.noteSent(7, shard);
    const sum = (from: number, count: number, step = 7, bucket = 0) =>
      summed.add({ type: "sum", step, bucket, from, count });
    for (const [from, count] of [
      [3, 2], // no subtree
      [2, 3],
      [0, 4], // shards of others
      [4, 2 ** 31],
    ] as const) {
      expect(() => sum(from, count)).toThrow(FrameError);
    }
    expect(() => sum(2, 2, 7, 2)).toThrow(FrameError);
    expect(() => sum(2, 2, 8)).toThrow(FrameError);
    expect(sum(2, 2, 6)).toBe(false);
    expect(sum(2, 2)).toBe(true);
    expect(summed.isComplete(3)).toBe(false);
    expect(sum(2, 2, 7, 1)).toBe(true);
    expect(summed.isComplete(3)).toBe(true);
    expect(summed.isComplete(4)).toBe(false);
  });
});

describe("a relay", () => {
  /** The sums sent of one bucket, as `from+count`. */
  const due = (sums: ShardSums) => sums.takeDue().map(({ from, count }) => `${from}+${count}`);

  test("waits for the largest subtrees of the shards that it holds", () => {
    const sums = new ShardSums(1);
    for (const shard of [1, 2, 3, 4, 5]) sums.hold(shard);
    const arrive = (shard: number) =>
      sums.add(0, { from: shard, count: 1, gradients: gradientsOf(shard) });
    arrive(2);
    expect(due(sums)).toEqual([]);
    arrive(1);
    expect(due(sums)).toEqual(["1+1"]);
    arrive(3);
    expect(due(sums)).toEqual(["2+2"]);
    arrive(4);
    arrive(5);
    expect(due(sums)).toEqual(["4+2"]);
    expect([1, 2, 3, 4, 5].every((shard) => sums.isSent(shard))).toBe(true);
  });

  test("sends the sums that it has when a shard is answered elsewhere", () => {
    const sums = new ShardSums(1);
    for (const shard of [0, 1, 2, 3]) sums.hold(shard);
    for (const shard of [0, 1, 3]) {
      sums.add(0, { from: shard, count: 1, gradients: gradientsOf(shard) });
    }
    expect(due(sums)).toEqual([]);
    sums.release(2);
    expect(due(sums)).toEqual(["0+2", "3+1"]);
  });

  test("forwards another relay's sum that it cannot split, and rejects one that overlaps a sum already sent", () => {
    const sums = new ShardSums(1);
    for (const shard of [0, 1, 2, 3]) sums.hold(shard);
    sums.release(2);
    expect(sums.add(0, { from: 0, count: 4, gradients: sumOf(0, 4) })).toBe(true);
    expect(due(sums)).toEqual(["0+4"]);
    sums.hold(2);
    expect(sums.add(0, { from: 2, count: 2, gradients: sumOf(2, 2) })).toBe(false);
  });

  test("sends each shard once, in whatever order shards are held, released and answered", () => {
    const event = fc.record({
      kind: fc.constantFrom("hold", "arrive", "release"),
      shard: fc.nat(9),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const sums = new ShardSums(1);
        const held = new Set<number>();
        const arrived = new Set<number>();
        const sent = new Set<number>();
        for (const { kind, shard } of events) {
          if (kind === "hold") sums.hold(shard);
          if (kind === "hold") held.add(shard);
          if (kind === "release") sums.release(shard);
          if (kind === "release") held.delete(shard);
          if (kind === "arrive" && held.has(shard)) {
            sums.add(0, { from: shard, count: 1, gradients: gradientsOf(shard) });
            arrived.add(shard);
          }
          for (const { from, count, tree } of sums.takeDue()) {
            expect(tree.sum("w", from, count)).toEqual(valuesOf(sumOf(from, count)));
            for (let other = from; other < from + count; other++) {
              expect(sent.has(other)).toBe(false);
              sent.add(other);
            }
          }
        }
        for (const shard of held)
          sums.add(0, { from: shard, count: 1, gradients: gradientsOf(shard) });
        for (const { from, count } of sums.takeDue()) {
          for (let other = from; other < from + count; other++) sent.add(other);
        }
        expect([...held].filter((shard) => !sent.has(shard))).toEqual([]);
      }),
    );
  });
});

describe("the schedule", () => {
  const tasks = (count: number) =>
    Array.from({ length: count }, (_, shard) => ({ id: shard, kind: "shard", shard }));

  test("chooses complete subtrees for a relay, as large as its capacity allows", () => {
    const chosen = (shards: number[], limit: number) =>
      chooseSubtrees(
        shards.map((shard) => ({ shard })),
        limit,
      ).map(({ shard }) => shard);
    expect(chosen([0, 1, 2, 3, 4, 5, 6, 7], 4)).toEqual([0, 1, 2, 3]);
    expect(chosen([1, 2, 3, 4, 5, 6, 7], 5)).toEqual([4, 5, 6, 7, 1]);
    expect(chosen([1, 2, 5, 6], 3)).toEqual([1, 2, 5]);
  });

  test("assigns a relay as many tasks as it has workers, and the tasks that it returns to others", () => {
    const capacity = new Map([
      ["relay", 4],
      ["w", 1],
    ]);
    const schedule = new Schedule<string, { id: number; kind: string; shard: number }>(undefined, {
      capacityOf: (worker) => capacity.get(worker) ?? 0,
    });
    schedule.join("w");
    schedule.join("relay");
    schedule.add(tasks(5));
    const given = schedule.assign(0).map(({ worker, task }) => [worker, task.shard]);
    expect(given).toEqual([
      ["relay", 0],
      ["relay", 1],
      ["relay", 2],
      ["relay", 3],
      ["w", 4],
    ]);
    schedule.answer("w", 4, 10);
    schedule.returnTask("relay", 2);
    capacity.set("relay", 3);
    expect(schedule.assign(11)).toMatchObject([{ worker: "w", task: { shard: 2 } }]);
    expect(schedule.holdersOf(2)).toEqual(["w"]);
    expect(schedule.answer("relay", 2, 12)).toBeUndefined();
    capacity.set("relay", 0);
    schedule.leave("w");
    expect(schedule.assign(13)).toEqual([]);
  });
});
