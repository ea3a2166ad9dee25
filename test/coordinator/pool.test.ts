// The trainer with workers that answer in any order, twice, late or never: the result must not know.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { CheckpointWriter } from "../../src/coordinator/checkpoint-writer.js";
import { computeOn } from "../../src/coordinator/workers/in-process-worker.js";
import { Pool } from "../../src/coordinator/workers/pool.js";
import type { Answer, Task, WorkerLink } from "../../src/coordinator/workers/tasks.js";
import { Trainer } from "../../src/coordinator/trainer.js";
import { dataConfig, largestShard, networkOfRun, type RunConfig } from "../../src/shared/config.js";
import { type Dataset, loadDataset } from "../../src/shared/data/dataset.js";
import { TandemError } from "../../src/shared/errors.js";
import { Events, type RunEvent } from "../../src/shared/events.js";
import { evaluationResult, shardResult } from "../../src/shared/model/compute.js";
import { initialTensors } from "../../src/shared/model/initial.js";
import type { Network } from "../../src/shared/model/network.js";
import { Replica } from "../../src/shared/model/replica.js";
import { loadTensorFlow, type TensorFlow } from "../../src/shared/model/tensorflow.js";
import type { Gradient } from "../../src/shared/replica/tensors.js";
import { Random } from "../../src/shared/random.js";
import { stateMemory } from "../../src/shared/protocol/payload.js";
import { temporaryFolder, writeDataset } from "../support/data.js";

let tf: TensorFlow;
let dataset: Dataset;
let config: RunConfig;
beforeAll(() => {
  tf = loadTensorFlow(1);
  dataset = loadDataset(writeDataset(), 0);
  config = {
    model: "cnn",
    seed: 3,
    batchSize: 11,
    shards: 3,
    learningRate: 1e-3,
    threads: 1,
    validationSize: 0,
    data: dataConfig(dataset),
  };
});

/** Those of which a half is there send the classifier's gradients before all else. */
type Behaviour = "prompt" | "twice" | "leaves" | "silent" | "half, then leaves" | "half, then rest";

/** A feed that every worker follows: the replica is its own. */
function feedOf(replica: Replica) {
  return {
    leadsAhead: false,
    noteUpdate: () => undefined,
    noteStep: () => undefined,
    presentClassifier: () => {
      const memory = stateMemory(replica.network, "weights-only", "classifier");
      replica.read([...memory].map(([name, into]) => ({ name, into })));
      return memory;
    },
  };
}

/** The classifier's gradients in an answer. */
function classifierOf(answer: Answer, network: Network): ReadonlyMap<string, Gradient> {
  if (answer.kind !== "shard") throw new RangeError("gradients of an evaluation");
  const { gradients } = answer.result;
  const own = network.parameters.filter(({ half }) => half === "classifier");
  return new Map(own.map(({ name }) => [name, gradients.get(name)!]));
}

const BEHAVIOURS: Behaviour[] = [
  ...(["prompt", "twice", "leaves", "silent"] as const),
  ...(["half, then leaves", "half, then rest"] as const),
];

/** A worker on the coordinator's own replica that answers when the random order lets it. */
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

  follow(): void {
    // shares the replica
  }

  expel(): void {
    throw new Error("an honest worker was put out");
  }
}

async function finalState(workerCount: number, behaviours: Behaviour[], seed: number) {
  const events = new Events();
  const seen: RunEvent[] = [];
  events.add({ handle: (event) => void seen.push(event) });
  const pool = new Pool(events, { startWith: 1, goOnWith: 1, waitMs: 5_000 });
  const network = networkOfRun(config);
  const replica = new Replica(tf, network, "with-slots", initialTensors(network, config.seed), 0);
  const random = new Random(seed, "fake workers");
  const compute = (task: Task): Answer =>
    task.kind === "shard"
      ? {
          kind: "shard",
          result: shardResult(replica, task.samples, config.batchSize, largestShard(config)),
        }
      : { kind: "evaluate", result: evaluationResult(replica, task.samples) };
  const timing = { sentMs: 0, computedFromMs: 0, computedToMs: 0, answeredMs: 0 };
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
    const hasHalf = behaviour.startsWith("half") && task.kind === "shard";
    if (hasHalf)
      outbox.push(() => pool.takeClassifier(worker, task.id, classifierOf(answer, network)));
    if (behaviour === "half, then leaves" || behaviour === "leaves") {
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
  const trainer = new Trainer(
    { config, steps: 4, evalEvery: 2, checkpointEvery: 0, output },
    {
      dataset,
      replica,
      pool,
      events,
      writer: new CheckpointWriter(output, events),
      feed: feedOf(replica),
    },
  );
  const outcome = await trainer.train(new AbortController().signal);
  expect(outcome.ended).toBe("finished");
  const state = replica.snapshot().map(({ values }) => Buffer.from(values.buffer));
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
          // Someone has to answer at last.
          const stormy = await finalState(workerCount, [...behaviours, "prompt"], seed);
          expect(stormy.state.equals(calm.state)).toBe(true);
          expect(stormy.results).toEqual(calm.results);
        },
      ),
      { numRuns: 25 },
    );
  });

  test("is a whole step's where the workers go when the classifier has taken it", async () => {
    const network = networkOfRun(config);
    const trained = async (leaveAfter: number, steps: number) => {
      const events = new Events();
      const pool = new Pool(events, { startWith: 1, goOnWith: 1, waitMs: 20 });
      const replica = new Replica(tf, network, "with-slots", initialTensors(network, 3), 0);
      const compute = computeOn(replica, config);
      let wasHalfway = false;
      const worker = new FakeWorker("w", (own, task) => {
        setImmediate(() => {
          const answer = compute(task);
          if (task.kind === "shard") {
            pool.takeClassifier(own, task.id, classifierOf(answer, network));
          }
          if (task.step === leaveAfter && replica.isHalfway) {
            wasHalfway = true;
            pool.leave(own, "test");
          } else {
            const timing = { sentMs: 0, computedFromMs: 0, computedToMs: 0, answeredMs: 0 };
            pool.answer(own, task.id, answer, timing);
          }
        });
      });
      pool.join(worker);
      const output = `${temporaryFolder()}/c.safetensors`;
      const writer = new CheckpointWriter(output, events);
      const trainer = new Trainer(
        { config, steps, evalEvery: 0, checkpointEvery: 0, output },
        { dataset, replica, pool, events, writer, feed: feedOf(replica) },
      );
      const training = trainer.train(new AbortController().signal);
      if (leaveAfter < steps) {
        await expect(training).rejects.toMatchObject({ code: "workers-missing" });
        expect(wasHalfway).toBe(true);
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
  const pool = new Pool(new Events(), { startWith: 1, goOnWith: 1, waitMs: 20 });
  const samples = { count: 0, pixels: new Uint8Array(), labels: new Uint8Array() };
  const task: Task = { kind: "evaluate", id: 0, step: 0, samples };
  const failure = pool.run([task], new AbortController().signal);
  await expect(failure).rejects.toMatchObject({ code: "workers-missing", exitCode: 1 });
  await expect(failure).rejects.toBeInstanceOf(TandemError);
});
