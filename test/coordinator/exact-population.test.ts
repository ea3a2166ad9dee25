// The population statistics of the whole training set: their values, for any workers, and the memory that they take.
import { describe, expect, test } from "vitest";
import { StepPlanner } from "../../src/coordinator/step-plan.js";
import { Arbiter } from "../../src/coordinator/workers/arbiter.js";
import { Pool } from "../../src/coordinator/workers/pool.js";
import type { Answer, Task, WorkerLink } from "../../src/coordinator/workers/tasks.js";
import { arraySource } from "../../src/shared/data/array-source.js";
import type { DataSource, Samples, SampleSet } from "../../src/shared/data/samples.js";
import { Events } from "../../src/shared/events.js";
import { sizeOf } from "../../src/shared/network/network.js";
import { presetNetwork } from "../../src/shared/network/presets.js";
import { Random } from "../../src/shared/random.js";
import { stateLayout } from "../../src/shared/replica/state-layout.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { configFor } from "../support/config.js";
import { hasTensorFlow } from "../support/engines.js";
import { createReplica } from "../support/replica.js";
import { runInMemory } from "../support/run-in-memory.js";

const CLASSES = 4;
const FEATURES = 12;
/** Three batches, the last one smaller. */
const SAMPLES = 612;
const EPSILON = 1e-5;

function drawData(): DataSource {
  const random = new Random(3, "population");
  const draw = (count: number) => ({
    inputs: Float32Array.from({ length: count * FEATURES }, () => random.below(1000) / 100 + 3),
    targets: Int32Array.from({ length: count }, () => random.below(CLASSES)),
  });
  const shape = { inputShape: [FEATURES], classes: CLASSES };
  return arraySource({ ...shape, ...draw(SAMPLES), test: draw(40), validationSize: 12 });
}

const data = drawData();
const config = configFor(data, {
  network: presetNetwork("sigmoid", [FEATURES], CLASSES),
  population: "exact",
  validationSize: 12,
  batchSize: 20,
  shards: 3,
});

/** The tensors of a state by their names. */
function tensorsIn(state: Buffer): Map<string, Float32Array> {
  let offset = 0;
  return new Map(
    stateLayout(layoutOfRun(config), "with-slots").map(({ name, shape }) => {
      const size = sizeOf(shape);
      const values = new Float32Array(
        Uint8Array.from(state.subarray(offset, (offset += 4 * size))).buffer,
      );
      return [name, values];
    }),
  );
}

/** [n × in] · [in × out], in float64. */
function multiply(rows: readonly Float64Array[], kernel: Float32Array): Float64Array[] {
  return rows.map((row) => {
    const outputs = kernel.length / row.length;
    return Float64Array.from({ length: outputs }, (_, output) =>
      row.reduce((sum, value, input) => sum + value * kernel[input * outputs + output]!, 0),
    );
  });
}

function momentsOf(rows: readonly Float64Array[], channel: number): [number, number] {
  const mean = rows.reduce((sum, row) => sum + row[channel]!, 0) / rows.length;
  const squares = rows.reduce((sum, row) => sum + (row[channel]! - mean) ** 2, 0);
  return [mean, squares / rows.length];
}

const stateOf = async (workers: number, broadcast?: "updates") =>
  (await runInMemory(config, data, 3, workers, broadcast)).state;

describe("exact population statistics", () => {
  test("equal the statistics of each layer's input over the whole training set, computed in float64", async () => {
    const { state, events } = await runInMemory(config, data, 3, 0);
    const tensors = tensorsIn(state);
    const { count } = data.training;
    const { inputs } = await data.training.gather(Uint32Array.from({ length: count }, (_, i) => i));
    let rows: Float64Array[] = Array.from({ length: count }, (_, row) =>
      Float64Array.from(inputs.subarray(row * FEATURES, (row + 1) * FEATURES)),
    );
    const { populationPasses } = layoutOfRun(config);
    expect(populationPasses).toHaveLength(2);
    for (const { name } of populationPasses.flat()) {
      const of = (tensor: string) => tensors.get(`${name}/${tensor}`)!;
      rows = multiply(rows, tensors.get(`${name.replace("/bn", "")}/kernel`)!);
      const [means, variances] = [of("pop_mean"), of("pop_var")];
      means.forEach((mean, channel) => {
        const [expectedMean, expectedVariance] = momentsOf(rows, channel);
        expect(Math.abs(mean - expectedMean)).toBeLessThan(
          1e-5 * Math.hypot(expectedMean, Math.sqrt(expectedVariance)),
        );
        expect(Math.abs(variances[channel]! / expectedVariance - 1)).toBeLessThan(1e-5);
      });
      const [scale, beta] = [of("scale"), of("beta")];
      rows = rows.map((row) =>
        row.map((value, channel) => {
          const root = Math.sqrt(variances[channel]! + EPSILON);
          const normalised = ((value - means[channel]!) / root) * scale[channel]! + beta[channel]!;
          return 1 / (1 + Math.exp(-normalised));
        }),
      );
    }
    expect(events).toContainEqual({ event: "population", step: 3, samples: SAMPLES - 12 });
  });

  test("are the same from any number of workers, with either broadcast", async () => {
    const alone = await stateOf(0);
    expect(await stateOf(1)).toEqual(alone);
    expect(await stateOf(3)).toEqual(alone);
    expect(await stateOf(2, "updates")).toEqual(alone);
  });

  test("are not the moving average", async () => {
    const plain = { ...config };
    delete plain.population;
    const average = (await runInMemory(plain, data, 3, 0)).state;
    const exact = tensorsIn(await stateOf(0));
    for (const [name, values] of tensorsIn(average)) {
      const isStatistic = /\/pop_(mean|var)$/.test(name);
      if (isStatistic) expect(values).not.toEqual(exact.get(name));
      else expect(values).toEqual(exact.get(name));
    }
  });

  test("report their progress over all passes", async () => {
    const many = { ...data, training: repeated(data.training, 3_000) };
    const { events } = await runInMemory(config, many, 1, 2);
    const progress = events.filter(({ event }) => event === "progress");
    expect(progress.at(-1)).toEqual({
      event: "progress",
      activity: "population",
      done: 24,
      total: 24,
    });
  });
});

/** The set's samples repeated. */
function repeated(set: SampleSet, count: number): SampleSet {
  return { count, gather: (indices) => set.gather(indices.map((index) => index % set.count)) };
}

describe("a pass over the training set", () => {
  const layout = layoutOfRun(config);
  const empty: DataSource = { ...data, validation: { count: 0, gather: () => none } };
  const none: Samples = { count: 0, inputs: new Float32Array(), targets: new Int32Array() };

  /** A set whose samples are not used, which counts the gathered batches. */
  function countingSet(count: number): SampleSet & { gathered: number } {
    return {
      count,
      gathered: 0,
      gather(indices) {
        this.gathered++;
        return { ...none, count: indices.length };
      },
    };
  }

  test("has every sample once, in a fixed order, and gathers at most one window ahead", async () => {
    const training = countingSet(1_000_003);
    const planner = new StepPlanner(layout, { ...empty, training }, 0);
    let [batches, samples, windows] = [0, 0, 0];
    for await (const tasks of planner.planMoments(7, 1, new Map())) {
      windows++;
      batches += tasks.length;
      samples += tasks.reduce((total, task) => total + task.samples.count, 0);
      expect(tasks.every(({ step, pass }) => step === 7 && pass === 1)).toBe(true);
      // 250 samples of 12 float32 values and a class, within 16 MiB.
      expect(tasks.length).toBeLessThanOrEqual(Math.floor(2 ** 24 / (250 * 52)));
      expect(training.gathered - batches).toBeLessThanOrEqual(tasks.length);
    }
    expect(samples).toBe(1_000_003);
    expect(planner.trainingSize).toEqual({ batches, samples });
    expect(windows).toBeGreaterThan(2);
  });
});

test("with --verify, a worker that returns wrong moments is found, and they are not used", async () => {
  const replica = createReplica(config);
  const arbiter = new Arbiter(replica);
  const pool = new Pool(new Events(), {
    ...{ startWith: 2, continueWith: 1, waitMs: 1_000, verify: 1 },
    arbiter: () => arbiter,
  });
  const expelled: string[] = [];
  const join = (name: string, answerOf: (task: Task) => Answer) => {
    const link: WorkerLink = {
      ...{ name, origin: name },
      send: (task) => {
        const timing = {
          sentMs: 0,
          computedFromMs: 0,
          computedToMs: 0,
          answeredMs: 0,
          waitedMs: 0,
        };
        setImmediate(() => pool.answer(link, task.id, answerOf(task), timing));
      },
      sendMerged: () => undefined,
      expel: (reason) => expelled.push(`${name}: ${reason}`),
    };
    pool.join(link);
  };
  join("wrong", (task) => {
    const answer = arbiter.answer(task);
    if (answer.kind !== "moments") throw new RangeError("an answer of another kind");
    const [first] = answer.result.values();
    first!.mean[0]! += 1;
    return answer;
  });
  join("honest", (task) => arbiter.answer(task));
  const samples = await data.training.gather(Uint32Array.of(0, 1, 2, 3, 4));
  const task = { kind: "moments", id: 9, step: 0, pass: 0, known: new Map(), samples } as const;
  const answers = await pool.begin([task], 0, new AbortController().signal).answers;
  expect(answers.get(9)?.answer).toEqual(arbiter.answer(task));
  expect(expelled).toEqual(["wrong: wrong result for population statistics of step 0"]);
  replica.dispose();
});

test.skipIf(!hasTensorFlow)("both engines agree to rounding", async () => {
  const wasm = { ...config, engine: { name: "wasm" } as const };
  const tensorflow = { ...config, engine: { name: "tensorflow", threads: 1 } as const };
  const [a, b] = [
    tensorsIn((await runInMemory(wasm, data, 3, 0)).state),
    tensorsIn((await runInMemory(tensorflow, data, 3, 0)).state),
  ];
  for (const [name, values] of a) {
    if (!name.endsWith("/pop_var")) continue;
    values.forEach((value, index) => expect(b.get(name)![index]! / value).toBeCloseTo(1, 3));
  }
});
