// The training loop with workers that answer in any order, twice, late or never: the result must be the same.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { WeightsBroadcast } from "../../src/coordinator/broadcast/weights-broadcast.js";
import { CheckpointWriter } from "../../src/coordinator/checkpoint-writer.js";
import { StepPlanner } from "../../src/coordinator/step-plan.js";
import { TrainingLoop, type TrainingOptions } from "../../src/coordinator/training-loop.js";
import { computeOn } from "../../src/coordinator/workers/compute-task.js";
import { Pool } from "../../src/coordinator/workers/pool.js";
import type { BucketAnswer } from "../../src/coordinator/workers/worker-pool.js";
import type { Answer, Task, WorkerLink } from "../../src/coordinator/workers/tasks.js";
import type { RunConfig } from "../../src/shared/config.js";
import { openData } from "../../src/shared/data/files/open-data.js";
import type { DataSource } from "../../src/shared/data/samples.js";
import { TandemError } from "../../src/shared/errors.js";
import { Events } from "../../src/shared/events.js";
import { Random } from "../../src/shared/random.js";
import type { TrainingReplica } from "../../src/shared/replica/training-replica.js";
import type { RunEvent } from "../../src/shared/run-event.js";
import { configFor } from "../support/config.js";
import { temporaryFolder, writeDataset } from "../support/data.js";
import { createReplica } from "../support/replica.js";

let data: DataSource;
let config: RunConfig;
beforeAll(async () => {
  data = await openData(writeDataset(), { validationSize: 0 });
  config = configFor(data, { seed: 3, batchSize: 11, shards: 3 });
});

/** With "part", the worker sends the first bucket's gradients before the rest of its answer. */
type Behaviour = "prompt" | "twice" | "leaves" | "silent" | "part, then leaves" | "part, then rest";

/** Buckets are updated early although no weights are sent, as the workers share the coordinator's replica. */
class SharedReplicaBroadcast extends WeightsBroadcast {
  private readonly replica: TrainingReplica;

  constructor(replica: TrainingReplica) {
    super(replica.layout);
    this.replica = replica;
    this.open(replica);
  }

  override presentWeights(bucket: number): ReadonlyMap<string, Float32Array> {
    const parameters = this.layout.buckets[bucket]!;
    const sizes = parameters.map(({ shape }) => shape.reduce((size, side) => size * side, 1));
    const arrays = this.replica.session.allocate(sizes);
    const memory = new Map(parameters.map(({ name }, index) => [name, arrays[index]!]));
    this.replica.read([...memory].map(([name, into]) => ({ name, into })));
    return memory;
  }
}

/** The first bucket's gradients in an answer. */
function firstBucketOf(taskId: number, answer: Answer, { layout }: TrainingReplica): BucketAnswer {
  if (answer.kind !== "shard") throw new RangeError("gradients of an evaluation");
  const { gradients } = answer.result;
  expect(layout.buckets.length).toBe(2);
  const ofBucket = new Map(layout.buckets[0]!.map(({ name }) => [name, gradients.get(name)!]));
  return { taskId, bucket: 0, gradients: ofBucket, isSummed: false };
}

function loopOf(
  replica: TrainingReplica,
  pool: Pool,
  events: Events,
  options: TrainingOptions,
  output: string,
): TrainingLoop {
  return new TrainingLoop(options, {
    planner: new StepPlanner(replica.layout, data, options.evalEvery),
    broadcast: new SharedReplicaBroadcast(replica),
    writer: new CheckpointWriter(output, events),
    ...{ replica, pool, events },
  });
}

const BEHAVIOURS: Behaviour[] = [
  ...(["prompt", "twice", "leaves", "silent"] as const),
  ...(["part, then leaves", "part, then rest"] as const),
];

/** A worker on the coordinator's own replica that answers in random order. */
class FakeWorker implements WorkerLink {
  readonly name: string;
  readonly origin = "test";
  private readonly act: (worker: FakeWorker, task: Task) => void;

  constructor(name: string, act: (worker: FakeWorker, task: Task) => void) {
    this.name = name;
    this.act = act;
  }

  send(task: Task): void {
    this.act(this, task);
  }

  sendMerged(): void {
    throw new Error("a run without barriers");
  }

  expel(): void {
    throw new Error("an honest worker was banned");
  }
}

async function finalState(workerCount: number, behaviours: Behaviour[], seed: number) {
  const events = new Events();
  const seen: RunEvent[] = [];
  events.add({ handle: (event) => void seen.push(event) });
  const pool = new Pool(events, { startWith: 1, continueWith: 1, waitMs: 5_000 });
  const replica = createReplica(config);
  const random = new Random(seed, "fake workers");
  const compute = computeOn(replica);
  const timing = { sentMs: 0, computedFromMs: 0, computedToMs: 0, waitedMs: 0, answeredMs: 0 };
  // Answers wait here and leave in random order.
  const outbox: (() => void)[] = [];
  const flush = () => {
    while (outbox.length > 0) outbox.splice(random.below(outbox.length), 1)[0]?.();
  };
  let next = 0;
  const act = (worker: FakeWorker, task: Task) => {
    const behaviour = behaviours[next++ % behaviours.length] ?? "prompt";
    const answer = compute(task);
    const send = () => pool.answer(worker, task.id, answer, timing);
    if (behaviour.startsWith("part") && task.kind === "shard") {
      outbox.push(() => pool.takeBucket(worker, firstBucketOf(task.id, answer, replica)));
    }
    if (behaviour === "part, then leaves" || behaviour === "leaves") {
      outbox.push(() => {
        pool.leave(worker, "test");
        pool.join(new FakeWorker(`${worker.name}+`, act));
      });
    } else if (behaviour !== "silent" || workerCount < 2) {
      outbox.push(send);
      if (behaviour === "twice") outbox.push(send);
    }
    if (behaviour === "silent" && workerCount >= 2) {
      outbox.push(() => {
        pool.leave(worker, "silent");
        pool.join(new FakeWorker(`${worker.name}~`, act));
      });
    }
    setImmediate(flush);
  };
  for (let number = 0; number < workerCount; number++) pool.join(new FakeWorker(`w${number}`, act));
  const output = `${temporaryFolder()}/c.safetensors`;
  const options = { steps: 4, evalEvery: 2, checkpointEvery: 0 };
  const loop = loopOf(replica, pool, events, options, output);
  const outcome = await loop.run(new AbortController().signal);
  expect(outcome.ended).toBe("finished");
  const state = replica.snapshot("with-slots").map(({ values }) => Buffer.from(values.buffer));
  replica.dispose();
  const results = seen.filter(({ event }) => event === "step" || event === "evaluation");
  const timeless = results.map((event) => ({ ...event, durationMs: 0 }));
  return { state: Buffer.concat(state), results: timeless };
}

describe("the result of a run", () => {
  test("is the same bits from any number of workers, in any order, with any of them lost", async () => {
    const calm = await finalState(1, ["prompt"], 0);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.constantFrom<Behaviour>(...BEHAVIOURS), { minLength: 1, maxLength: 9 }),
        fc.nat(),
        async (workerCount, behaviours, seed) => {
          // The last worker must answer.
          const stormy = await finalState(workerCount, [...behaviours, "prompt"], seed);
          expect(stormy.state.equals(calm.state)).toBe(true);
          expect(stormy.results).toEqual(calm.results);
        },
      ),
      { numRuns: 25 },
    );
  });

  test("belongs to one step if the workers leave when only some buckets are updated", async () => {
    const trained = async (leaveAfter: number, steps: number) => {
      const events = new Events();
      const pool = new Pool(events, { startWith: 1, continueWith: 1, waitMs: 20 });
      const replica = createReplica(config);
      const compute = computeOn(replica);
      let wasMidStep = false;
      const worker = new FakeWorker("w", (own, task) => {
        setImmediate(() => {
          const answer = compute(task);
          if (task.kind === "shard") {
            pool.takeBucket(own, firstBucketOf(task.id, answer, replica));
          }
          const isLast = task.kind === "shard" && task.shard === config.shards - 1;
          if (task.step === leaveAfter && isLast) {
            // One turn of the event loop later the bucket has been updated.
            setImmediate(() => {
              wasMidStep = replica.isMidStep;
              pool.leave(own, "test");
            });
          } else {
            const timing = {
              sentMs: 0,
              computedFromMs: 0,
              computedToMs: 0,
              waitedMs: 0,
              answeredMs: 0,
            };
            pool.answer(own, task.id, answer, timing);
          }
        });
      });
      pool.join(worker);
      const output = `${temporaryFolder()}/c.safetensors`;
      const options = { steps, evalEvery: 0, checkpointEvery: 0 };
      const training = loopOf(replica, pool, events, options, output).run(
        new AbortController().signal,
      );
      if (leaveAfter < steps) {
        await expect(training).rejects.toMatchObject({ code: "workers-missing" });
        expect(wasMidStep).toBe(true);
      } else {
        await training;
      }
      replica.dispose();
      return readFileSync(output);
    };
    const [left, whole] = [await trained(2, 10), await trained(10, 3)];
    expect(left.equals(whole)).toBe(true);
  });
});

test("a run without workers ends after its deadline and says why", async () => {
  const pool = new Pool(new Events(), { startWith: 1, continueWith: 1, waitMs: 20 });
  const samples = { count: 0, inputs: new Uint8Array(), targets: new Int32Array() };
  const task: Task = { kind: "evaluate", id: 0, step: 0, samples };
  const failure = pool.begin([task], 0, new AbortController().signal).answers;
  await expect(failure).rejects.toMatchObject({ code: "workers-missing", exitCode: 1 });
  await expect(failure).rejects.toBeInstanceOf(TandemError);
});
