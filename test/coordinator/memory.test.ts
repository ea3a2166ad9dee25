// 2,000 steps in one process: neither the number of tensors nor the process's memory grows.
import { expect, test } from "vitest";
import { WeightsBroadcast } from "../../src/coordinator/broadcast/weights-broadcast.js";
import { CheckpointWriter } from "../../src/coordinator/checkpoint-writer.js";
import { StepPlanner } from "../../src/coordinator/step-plan.js";
import { TrainingLoop } from "../../src/coordinator/training-loop.js";
import { InProcessWorker } from "../../src/coordinator/workers/in-process-worker.js";
import { Pool } from "../../src/coordinator/workers/pool.js";
import { openData } from "../../src/shared/data/files/open-data.js";
import { Events } from "../../src/shared/events.js";
import { configFor } from "../support/config.js";
import { temporaryFolder, writeDataset } from "../support/data.js";
import { countNativeTensors } from "../support/engines.js";
import { createReplica } from "../support/replica.js";

test("memory does not grow over 2,000 steps", async () => {
  const data = await openData(writeDataset(), { validationSize: 0 });
  const replica = createReplica(configFor(data, { batchSize: 6, learningRate: 1e-4 }));
  const { layout } = replica;
  const events = new Events();
  const tensors = new Map<number, number>();
  const residentMb = new Map<number, number>();
  events.add({
    handle: (event) => {
      if (event.event !== "step") return;
      tensors.set(event.step, countNativeTensors());
      residentMb.set(event.step, process.memoryUsage().rss / 1e6);
    },
  });
  const pool = new Pool(events, { startWith: 1, continueWith: 1, waitMs: 1000 });
  pool.join(new InProcessWorker(pool, replica));
  const writer = new CheckpointWriter(`${temporaryFolder()}/c.safetensors`, events);
  const loop = new TrainingLoop(
    { steps: 2000, evalEvery: 100, checkpointEvery: 500 },
    {
      planner: new StepPlanner(layout, data, 100),
      broadcast: new WeightsBroadcast(layout),
      ...{ replica, pool, writer, events },
    },
  );
  await loop.run(new AbortController().signal);
  expect(new Set(tensors.values()).size).toBe(1);
  const early = residentMb.get(400) ?? 0;
  const late = residentMb.get(1999) ?? Infinity;
  // Room for garbage collection; far less than one tensor per step (2,000 steps of 4.6 MB of gradients).
  expect(late - early).toBeLessThan(60);
}, 180_000);
