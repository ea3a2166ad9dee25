// A test set that is too large to be part of a step: the same results as for one that is, with less memory.
import { expect, test } from "vitest";
import { createBroadcast } from "../../src/coordinator/broadcast/create-broadcast.js";
import { CheckpointWriter } from "../../src/coordinator/checkpoint-writer.js";
import { type GatherLimits, StepPlanner } from "../../src/coordinator/step-plan.js";
import { TrainingLoop } from "../../src/coordinator/training-loop.js";
import { InProcessWorker } from "../../src/coordinator/workers/in-process-worker.js";
import { Pool } from "../../src/coordinator/workers/pool.js";
import { arraySource } from "../../src/shared/data/array-source.js";
import type { DataSource } from "../../src/shared/data/samples.js";
import { Events } from "../../src/shared/events.js";
import { presetNetwork } from "../../src/shared/network/presets.js";
import { Random } from "../../src/shared/random.js";
import type { RunEvent } from "../../src/shared/run-event.js";
import { configFor } from "../support/config.js";
import { temporaryFolder } from "../support/data.js";
import { createReplica, withNumerics } from "../support/replica.js";

const SHAPE = [4, 5, 1];
const VALUES = 20;
const TEST_COUNT = 1_600;
/** A window has 1,000 samples, in four batches. */
const WINDOWS = { windowBytes: 1_000 * (VALUES + 4), maxTestBytes: 1_000 };

const random = new Random(5, "test evaluation");
const draw = (count: number) => ({
  inputs: Uint8Array.from({ length: count * VALUES }, () => random.below(256)),
  targets: Int32Array.from({ length: count }, () => random.below(4)),
});
const data = arraySource({ inputShape: SHAPE, classes: 4, ...draw(30), test: draw(TEST_COUNT) });

/** Three steps in this process, with an evaluation every other step. */
async function train(
  source: DataSource,
  limits?: GatherLimits,
  { signal } = new AbortController(),
) {
  const network = presetNetwork("sigmoid", SHAPE, 4);
  const replica = createReplica(
    withNumerics(configFor(source, { network, batchSize: 10, engine: { name: "wasm" } })),
  );
  const { layout } = replica;
  const events = new Events();
  const seen: RunEvent[] = [];
  events.add({ handle: (event) => void seen.push(event) });
  const pool = new Pool(events, { startWith: 1, continueWith: 1, waitMs: 1000 });
  const broadcast = createBroadcast("weights", layout);
  broadcast.open(replica);
  pool.join(new InProcessWorker(pool, replica));
  const writer = new CheckpointWriter(`${temporaryFolder()}/c.safetensors`, events);
  const planner = new StepPlanner(layout, source, 2, limits);
  const loop = new TrainingLoop(
    { steps: 3, evalEvery: 2, checkpointEvery: 0 },
    { planner, replica, pool, broadcast, writer, events },
  );
  const outcome = await loop.run(signal);
  const state = Buffer.concat(
    replica.snapshot("with-slots").map(({ values }) => Buffer.from(values.buffer)),
  );
  const { step } = replica;
  replica.dispose();
  return { outcome, state, seen, step };
}

const evaluationsIn = (events: readonly RunEvent[]) =>
  events.filter(({ event }) => event === "evaluation");
const predictionsIn = (events: readonly RunEvent[]) =>
  events.filter((event) => event.event === "predictions");

test("in windows gives the same weights, metrics and predictions, without the inputs of later windows", async () => {
  const own = await train(data);
  const windows = await train(data, WINDOWS);
  expect(windows.outcome).toEqual(own.outcome);
  expect(windows.state.equals(own.state)).toBe(true);
  expect(evaluationsIn(own.seen)).toHaveLength(2);
  expect(evaluationsIn(windows.seen)).toEqual(evaluationsIn(own.seen));
  const [all, some] = [predictionsIn(own.seen), predictionsIn(windows.seen)];
  // At two steps and at the end.
  expect([all.length, some.length]).toEqual([3, 3]);
  for (const [index, event] of some.entries()) {
    expect(event.predictions).toEqual(all[index]!.predictions);
    const targets = (samples: typeof event.samples) => samples.map((batch) => [...batch.targets]);
    expect(targets(event.samples)).toEqual(targets(all[index]!.samples));
    const kept = event.samples.map(({ inputs }) => inputs.length / VALUES);
    expect(kept).toEqual([250, 250, 250, 250, 0, 0, 0]);
  }
});

test("a run that is interrupted between two windows keeps the state before its step", async () => {
  const stop = new AbortController();
  let batches = 0;
  const gather = (indices: Uint32Array) => {
    // The second window is gathered while the first is computed.
    if (++batches === 5) stop.abort();
    return data.test.gather(indices);
  };
  const source = { ...data, test: { count: TEST_COUNT, gather } };
  const { outcome, step } = await train(source, WINDOWS, stop);
  expect(outcome).toEqual({ ended: "interrupted" });
  expect(step).toBe(0);
});
