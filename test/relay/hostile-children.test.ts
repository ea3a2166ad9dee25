// Workers and relays behind a relay that send invalid or late messages: these must not affect other workers' tasks, and the relay
// must keep its own connection.
import { afterEach, expect, test } from "vitest";
import { Random } from "../../dist/shared/random.js";
import { Grammar } from "../../scripts/fuzz/grammar.mjs";
import { classesConfig, inThreeBuckets } from "../../scripts/faults/small-config.mjs";
import { RelayPool } from "../../src/relay/relay-pool.js";
import { Events } from "../../src/shared/events.js";
import { FrameError } from "../../src/shared/protocol/frame.js";
import { parseFromWorker } from "../../src/shared/protocol/messages.js";
import { bucketParts } from "../../src/shared/protocol/payloads/bucket.js";
import { sizeOf } from "../../src/shared/network/network.js";
import type { Gradient } from "../../src/shared/replica/tensors.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { RelayInMemory, shardTasks } from "../support/relay-in-memory.js";

const config = { ...classesConfig, shards: 4, batchSize: 8 };

let relay: RelayInMemory;
afterEach(() => relay.close());

test("an earlier step's sum from a late relay is not included in this step's sums", async () => {
  relay = new RelayInMemory(config, "weights");
  relay.sendState(2);
  const lower = relay.join("lower", "relay");
  await relay.sendShard(10, 2, 0);
  expect(shardTasks(lower)).toMatchObject([{ step: 2, shard: 0 }]);
  lower.receive({ type: "capacity", tasks: 0 });
  const worker = relay.join("worker");
  relay.sendState(3);
  await relay.sendShard(14, 3, 0);
  expect(shardTasks(worker)).toMatchObject([{ step: 3, shard: 0 }]);
  lower.receive({ type: "sum", step: 2, bucket: 0, from: 0, count: 1 }, relay.sumParts(0));
  expect(lower.isOpen).toBe(true);
  expect(relay.sentUp("sum")).toEqual([]);
  // A sum of this step counts.
  await relay.sendShard(15, 3, 1);
  lower.receive({ type: "capacity", tasks: 1 });
  await Promise.resolve();
  expect(shardTasks(lower)).toMatchObject([{ step: 2 }, { step: 3, shard: 1 }]);
  lower.receive({ type: "sum", step: 3, bucket: 0, from: 1, count: 1 }, relay.sumParts(0));
  lower.receive({ type: "sum", step: 3, bucket: 1, from: 1, count: 1 }, relay.sumParts(1));
  expect(relay.up.isOpen).toBe(true);
});

test("gradients for an earlier coordinator's task are not used for a task with the same id", async () => {
  relay = new RelayInMemory(config, "weights");
  relay.sendState(9);
  const slow = relay.join("slow");
  await relay.sendShard(5, 9, 0);
  const [old] = shardTasks(slow);
  expect(old).toMatchObject({ step: 9, shard: 0 });
  relay.connect();
  relay.sendState(1);
  const other = relay.join("other");
  await relay.sendShard(5, 1, 0);
  expect(shardTasks(other)).toMatchObject([{ step: 1, shard: 0 }]);
  const gradients = new Map(
    relay.layout.buckets[0]!.map(({ name, shape }): [string, Gradient] => {
      const [inputs = 0, outputs = 0] = shape;
      if (!relay.layout.factored.has(name)) {
        return [name, { form: "dense", values: new Float32Array(sizeOf(shape)) }];
      }
      const factors = {
        ...{ rows: 2, inputs: new Float32Array(2 * inputs) },
        outputs: new Float32Array(2 * outputs),
      };
      return [name, { form: "factors", shards: [factors] }];
    }),
  );
  slow.receive(
    { type: "gradients", task: old!["task"], step: 9, shard: 0, bucket: 0 },
    bucketParts(relay.layout, 0, gradients),
  );
  expect(slow.isOpen).toBe(true);
  expect(relay.sentUp("gradients")).toEqual([]);
  expect(relay.sentUp("sum")).toEqual([]);
});

test("a child relay that claims any capacity does no harm", () => {
  relay = new RelayInMemory(config, "weights");
  relay.sendState(2);
  relay.join("worker");
  relay.join("boaster", "relay", 65_536);
  // A new coordinator is sent the capacity immediately.
  relay.connect();
  const [report] = relay.sentUp("capacity");
  expect(parseFromWorker({ header: report! })).toEqual({ type: "capacity", tasks: 65_536 });
});

test("a duplicate sum does not return any task to the coordinator", async () => {
  relay = new RelayInMemory(config, "weights");
  relay.sendState(2);
  const lower = relay.join("lower", "relay", 2);
  relay.join("worker");
  for (const shard of [0, 1]) await relay.sendShard(10 + shard, 2, shard);
  expect(shardTasks(lower)).toMatchObject([{ shard: 0 }, { shard: 1 }]);
  const sum = (from: number, count: number) =>
    lower.receive({ type: "sum", step: 2, bucket: 0, from, count }, relay.sumParts(0));
  sum(0, 2);
  expect(relay.sentUp("sum")).toMatchObject([{ from: 0, count: 2 }]);
  sum(0, 2);
  sum(0, 1);
  await Promise.resolve();
  expect(relay.sentUp("sum")).toHaveLength(1);
  expect(relay.sentUp("returned")).toEqual([]);
  expect(lower.sent.filter(({ type }) => type === "cancel")).toEqual([]);
});

test("a sum that overlaps one already sent loses its tasks, which are reassigned", async () => {
  relay = new RelayInMemory(config, "weights");
  relay.sendState(2);
  const lower = relay.join("lower", "relay", 2);
  relay.join("worker");
  for (const shard of [0, 1]) await relay.sendShard(10 + shard, 2, shard);
  relay.up.receive({ type: "cancel", task: 11 });
  const sum = (from: number, count: number) =>
    lower.receive({ type: "sum", step: 2, bucket: 0, from, count }, relay.sumParts(0));
  sum(0, 1);
  expect(relay.sentUp("sum")).toMatchObject([{ from: 0, count: 1 }]);
  await relay.sendShard(11, 2, 1);
  expect(shardTasks(lower)).toMatchObject([{ shard: 0 }, { shard: 1 }, { shard: 1 }]);
  sum(0, 2);
  await Promise.resolve();
  const next = relay.join("next");
  await Promise.resolve();
  expect(shardTasks(next)).toMatchObject([{ shard: 1 }]);
  expect(relay.sentUp("returned")).toEqual([]);
});

test("a child relay that requests a state gets it when it arrives", async () => {
  const grammar = new Grammar(new Random(1, "update"));
  const update = grammar.valid.find(([{ type }]) => type === "update")!;
  relay = new RelayInMemory(classesConfig, "updates");
  relay.sendState(2);
  const lower = relay.join("lower", "relay");
  relay.up.receive(...update);
  await Promise.resolve();
  const before = lower.sent.length;
  lower.receive({ type: "state-request" });
  expect(relay.sentUp("state-request")).toHaveLength(1);
  relay.sendState(3);
  expect(lower.isOpen).toBe(true);
  const states = lower.sent.slice(before).filter(({ type }) => type === "state");
  expect(states.map(({ step }) => step)).toEqual(states.map(() => 3));
  expect(states.length).toBeGreaterThan(0);
});

test("without a coordinator it accepts no relays, as it may have to join one of them", () => {
  relay = new RelayInMemory(config, "weights");
  relay.sendState(2);
  relay.up.end(1006, "");
  expect(relay.join("lower", "relay").closed?.reason).toContain("lost its coordinator");
  expect(relay.join("worker").isOpen).toBe(true);
  relay.connect();
  expect(relay.join("lower", "relay").isOpen).toBe(true);
});

test("a coordinator cannot make it hold more samples than fit into memory", () => {
  relay = new RelayInMemory(config, "weights");
  const layout = inThreeBuckets(layoutOfRun(config));
  const pool = new RelayPool({
    ...{ events: new Events(), layout, send: () => undefined, onShard: () => undefined },
    maxSampleBytes: 5_000,
  });
  const samples = { count: 1, inputs: new Uint8Array(2_000), targets: new Int32Array(1) };
  const begin = (id: number) => pool.begin({ kind: "evaluate", id, step: 2, samples });
  begin(1);
  begin(2);
  // Assigning the same task again takes no additional memory.
  begin(2);
  expect(() => begin(3)).toThrow(FrameError);
  pool.close();
});
