// A shard's pass with barriers: pauses, interleaved passes, passes that are ended early; and that the number of shards changes
// results by rounding only.
import { describe, expect, test } from "vitest";
import type { EngineSpec, RunConfig } from "../../src/shared/config.js";
import type { Samples } from "../../src/shared/data/samples.js";
import { openWasmInNode } from "../../src/shared/engine/wasm/node.js";
import { sizeOf } from "../../src/shared/network/network.js";
import { initialTensors } from "../../src/shared/network/initial-values.js";
import { Random } from "../../src/shared/random.js";
import { withEmptySlots } from "../../src/shared/replica/initial-state.js";
import { computeShardsTogether } from "../../src/shared/replica/shard-group.js";
import { beginShard, computeShard, endPass } from "../../src/shared/replica/shard-pass.js";
import type { ShardResult } from "../../src/shared/replica/tensors.js";
import { TrainingReplica } from "../../src/shared/replica/training-replica.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { mergeContributions } from "../../src/shared/statistics/barrier.js";
import { configOf } from "../support/config.js";
import { countNativeTensors, hasTensorFlow } from "../support/engines.js";
import { createReplica } from "../support/replica.js";
import { denseValues, shardsOf, takeStep } from "../support/shard-steps.js";

const ENGINES: EngineSpec[] = [
  { name: "wasm" },
  ...(hasTensorFlow ? [{ name: "tensorflow", threads: 1 } as const] : []),
];

/** The preset `cnn` on the smallest images of which it has two gradient buckets. */
const SMALL = { inputShape: [16, 16, 1], batchSize: 10, batchNorm: "sync" } as const;

function drawBatch({ network, batchSize, data }: RunConfig, stream: number): Samples {
  const random = new Random(0, `batch ${stream}`);
  const length = batchSize * sizeOf(network.inputShape);
  return {
    count: batchSize,
    inputs: Uint8Array.from({ length }, () => random.below(256)),
    targets: Int32Array.from({ length: batchSize }, () => random.below(data.target.count)),
  };
}

/** Drives passes, where each answer comes to the passes in the order given. */
function compute(
  replica: TrainingReplica,
  batch: Samples,
  order: readonly number[],
  onMerged: (merged: Float32Array) => void = () => undefined,
): ShardResult[] {
  const shards = shardsOf(replica, batch);
  const passes = shards.map((shard) => beginShard(replica, shard));
  const { barriers } = replica.layout;
  const values: Float32Array[] = [];
  for (const shard of order) values[shard] = passes[shard]!.next().value as Float32Array;
  const results: ShardResult[] = [];
  barriers.forEach((barrier, index) => {
    const merged = mergeContributions(
      barrier,
      shards.map(({ samples }, shard) => ({ samples: samples.count, values: values[shard]! })),
    );
    onMerged(merged);
    for (const shard of order) {
      const next = passes[shard]!.next(merged);
      expect(next.done).toBe(index === barriers.length - 1);
      if (next.done) results[shard] = next.value;
      else values[shard] = next.value;
    }
  });
  return results;
}

/** ‖a − b‖ / ‖b‖ */
function relativeDifference(a: Float32Array, b: Float32Array): number {
  const norm = (values: Float32Array) =>
    Math.sqrt(values.reduce((squares, value) => squares + value * value, 0));
  return norm(a.map((value, at) => value - b[at]!)) / norm(b);
}

describe.each(ENGINES)("on the engine $name", (engine) => {
  test("eight shards take the steps of one: gradients to 1e-5, weights after 20 steps to 1e-4", () => {
    // With these samples no value before a ReLU is so close to 0 that rounding decides on which side it is.
    const [one, eight] = [1, 8].map((shards) =>
      createReplica(configOf({ ...SMALL, engine, shards, learningRate: 1e-4 })),
    ) as [TrainingReplica, TrainingReplica];
    expect(eight.layout.shardSizes).toEqual([2, 2, 1, 1, 1, 1, 1, 1]);
    for (let step = 0; step < 20; step++) {
      const batch = drawBatch(one.layout.config, step);
      const [ofOne, ofEight] = [takeStep(one, batch), takeStep(eight, batch)];
      if (step > 0) continue;
      expect(Math.abs(ofEight.loss / ofOne.loss - 1)).toBeLessThan(1e-6);
      for (const [name, gradient] of ofOne.gradients) {
        const found = denseValues(ofEight.gradients.get(name)!);
        expect(relativeDifference(found, denseValues(gradient)), name).toBeLessThan(1e-5);
      }
    }
    const found = new Map(eight.snapshot("weights-only").map(({ name, values }) => [name, values]));
    for (const { name, values } of one.snapshot("weights-only")) {
      expect(relativeDifference(found.get(name)!, values), name).toBeLessThan(1e-4);
    }
    one.dispose();
    eight.dispose();
  });

  test("passes that are driven in any order compute the same bits", () => {
    const replica = createReplica(configOf({ ...SMALL, engine, shards: 3 }));
    const batch = drawBatch(replica.layout.config, 0);
    const expected = computeShardsTogether(replica, shardsOf(replica, batch));
    for (const order of [
      [0, 1, 2],
      [2, 0, 1],
    ]) {
      expect(compute(replica, batch, order)).toEqual(expected);
    }
    replica.dispose();
  });

  test("hands out a contribution before it computes the buckets that are ready", () => {
    const replica = createReplica(configOf({ ...SMALL, engine, shards: 1 }));
    const { barriers, buckets } = replica.layout;
    expect(buckets.length).toBe(2);
    const seen: string[] = [];
    let contribution: Float32Array | undefined;
    const [shard] = shardsOf(replica, drawBatch(replica.layout.config, 0));
    const pass = beginShard(
      replica,
      shard!,
      (bucket, gradients) => {
        expect([...gradients.keys()]).toEqual(buckets[bucket]!.map(({ name }) => name));
        seen.push(`bucket ${bucket}`);
      },
      (values) => {
        contribution = values;
        seen.push("contribution");
      },
    );
    let state = pass.next();
    for (const barrier of barriers) {
      expect(state.done).toBe(false);
      const values = state.value as Float32Array;
      expect(values).toBe(contribution);
      seen.push("pause");
      const { count: samples } = shard!.samples;
      state = pass.next(mergeContributions(barrier, [{ samples, values }]));
    }
    expect(state.done).toBe(true);
    const untilBucket = ["contribution", "pause"];
    expect(seen).toEqual([
      ...[untilBucket, untilBucket, untilBucket, untilBucket].flat(),
      // The dense layers' gradients need the barrier of their own batch-norm layer only.
      ...["contribution", "bucket 0", "pause"],
      ...untilBucket,
    ]);
    replica.dispose();
  });

  test("refuses merged values of another length, and a shard that is computed alone", () => {
    const replica = createReplica(configOf({ ...SMALL, engine }));
    const before = countNativeTensors();
    const [shard] = shardsOf(replica, drawBatch(replica.layout.config, 0));
    const pass = beginShard(replica, shard!);
    pass.next();
    expect(() => pass.next(new Float32Array(3))).toThrow(RangeError);
    expect(() => computeShard(replica, shard!)).toThrow(/barriers/);
    expect(countNativeTensors()).toBe(before);
    replica.dispose();
  });

  test("a pass that is done again gives the same bits, although a bucket takes its step in the middle of it", () => {
    const replica = createReplica(configOf({ ...SMALL, engine, shards: 2 }));
    const batch = drawBatch(replica.layout.config, 0);
    const shards = shardsOf(replica, batch);
    const merged: Float32Array[] = [];
    const expected = compute(replica, batch, [0, 1], (values) => void merged.push(values));
    const present = new Map(
      replica.layout.buckets[0]!.map(({ name, shape }) => {
        const [values] = replica.session.allocate([sizeOf(shape)]);
        return [name, values!] as const;
      }),
    );
    replica.read([...present].map(([name, into]) => ({ name, into })));
    // A shard that is computed again, as by another worker, with the merged values that are known already.
    const pass = beginShard(replica, shards[1]!);
    let state = pass.next();
    merged.forEach((values, index) => {
      if (index === 1) replica.stepBucket(0, expected[0]!.gradients, present);
      state = pass.next(values);
    });
    expect(state).toEqual({ done: true, value: expected[1] });
    replica.dispose();
  });
});

test("ends early at any barrier, or before it begins, and holds nothing", () => {
  if (!hasTensorFlow) return;
  const engine = { name: "tensorflow", threads: 1 } as const;
  const replica = createReplica(configOf({ ...SMALL, engine, shards: 1 }));
  const [shard] = shardsOf(replica, drawBatch(replica.layout.config, 0));
  const before = countNativeTensors();
  for (let paused = 0; paused <= replica.layout.barriers.length; paused++) {
    const pass = beginShard(replica, shard!);
    let state = paused > 0 ? pass.next() : undefined;
    for (const barrier of replica.layout.barriers.slice(0, Math.max(0, paused - 1))) {
      const values = state!.value as Float32Array;
      state = pass.next(mergeContributions(barrier, [{ samples: shard!.samples.count, values }]));
    }
    if (paused > 0) expect(countNativeTensors()).toBeGreaterThan(before);
    endPass(pass);
    endPass(pass);
    expect(countNativeTensors()).toBe(before);
  }
  replica.dispose();
});

test("the wasm engine's memory does not grow over passes that wait for each other or end early", () => {
  const engine = openWasmInNode();
  const layout = layoutOfRun(configOf({ ...SMALL, engine: { name: "wasm" }, shards: 4 }));
  const replica = new TrainingReplica(layout, engine);
  replica.load(withEmptySlots(layout, initialTensors(layout.network, 0)), 0);
  const [session] = engine.sessions;
  const step = (end: number) => {
    const batch = drawBatch(layout.config, end);
    const passes = shardsOf(replica, batch).map((shard) => beginShard(replica, shard));
    for (const pass of passes.slice(end)) pass.next();
    expect(session!.tensorCount).toBeGreaterThan(0);
    for (const pass of passes.reverse()) endPass(pass);
    expect(session!.tensorCount).toBe(0);
    takeStep(replica, batch);
    expect(session!.tensorCount).toBe(0);
  };
  for (let end = 0; end < 4; end++) step(end);
  const { memoryBytes } = session!;
  for (let round = 0; round < 12; round++) step(round % 4);
  expect(session!.memoryBytes).toBe(memoryBytes);
  replica.dispose();
});
