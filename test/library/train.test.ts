// The library as a program uses it, in this process: events, results, aborts, errors, and nothing on the standard streams.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  adam,
  adamw,
  arrays,
  binaryCrossEntropy,
  cosine,
  dense,
  evaluate,
  huber,
  momentum,
  network,
  oneCycle,
  relu,
  type ReportedEvent,
  type Run,
  TandemError,
  train,
  type TrainOptions,
} from "../../src/index.js";
import { temporaryFolder } from "../support/data.js";
import { hasTensorFlow } from "../support/engines.js";
import { makeTable, TABLE_NETWORK, tableData } from "../support/table.js";

let output: string;
let folder: string;
const written: unknown[] = [];

beforeEach(() => {
  folder = temporaryFolder();
  output = join(folder, "c.safetensors");
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, "write").mockImplementation((chunk) => written.push(chunk) > 0);
  }
});

afterEach(() => {
  vi.restoreAllMocks();
  expect(written.splice(0)).toEqual([]);
});

function options(more: Partial<TrainOptions> = {}): TrainOptions {
  return {
    network: TABLE_NETWORK,
    data: tableData(),
    ...{ batchSize: 20, steps: 6, shards: 2, evalEvery: 3, output },
    ...more,
  };
}

async function readEvents(run: Run): Promise<ReportedEvent[]> {
  const events: ReportedEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

function startOf(events: readonly ReportedEvent[]): ReportedEvent & { event: "start" } {
  const start = events.find(({ event }) => event === "start");
  if (start?.event !== "start") throw new Error("no event start");
  return start;
}

async function failureOf(run: Run): Promise<TandemError> {
  const error: unknown = await run.result.catch((reason: unknown) => reason);
  if (error instanceof TandemError) return error;
  throw new Error(`no TandemError: ${String(error)}`);
}

describe("a run", () => {
  test("gives its events in order, and the result that the last one holds", async () => {
    const run = train(options({ optimizer: adam({ learningRate: 0.01 }), checkpointEvery: 4 }));
    const events = await readEvents(run);
    const result = await run.result;
    expect(events.map(({ event }) => event).filter((event) => event !== "checkpoint")).toEqual([
      ...["data", "start"],
      ...["evaluation", "step", "step", "step"],
      ...["evaluation", "step", "step", "step"],
      "end",
    ]);
    expect(events.filter(({ event }) => event === "checkpoint").length).toBeGreaterThan(0);
    const end = events.at(-1);
    expect(end).toEqual({
      event: "end",
      step: 6,
      testLoss: expect.any(Number) as number,
      path: output,
    });
    expect(result).toEqual({
      ended: "finished",
      step: 6,
      path: output,
      testLoss: end?.event === "end" ? end.testLoss : 0,
    });
    // Regression: losses, no accuracy.
    expect(events.find(({ event }) => event === "evaluation")).not.toHaveProperty("testAccuracy");
  });

  test("writes its checkpoint and no other file, and lets go of its lock", async () => {
    await train(options()).result;
    expect(readdirSync(folder)).toEqual(["c.safetensors"]);
  });

  test("writes summaries if requested", async () => {
    await train(options({ summaryDir: join(folder, "summary") })).result;
    expect(readdirSync(join(folder, "summary")).length).toBeGreaterThan(0);
  });

  test("is evaluated to its own figures, and trains alike a second time", async () => {
    const more = { optimizer: momentum({ learningRate: cosine(0.05), clipNorm: 1 }) };
    const { ended, ...result } = await train(options(more)).result;
    expect(ended).toBe("finished");
    const evaluation = await evaluate(output, tableData());
    expect(evaluation.testLoss).toBe("testLoss" in result ? result.testLoss : undefined);
    expect(evaluation).toMatchObject({ step: 6, count: 30 });
    const again = join(folder, "again.safetensors");
    await train(options({ ...more, output: again })).result;
    expect(readFileSync(again)).toEqual(readFileSync(output));
  });

  test("computes with the requested engine, and is evaluated with the same or another engine", async () => {
    const events = await readEvents(train(options({ engine: "wasm", threads: 2 })));
    const { config } = startOf(events);
    expect(config.engine).toEqual({ name: "wasm" });
    expect(config.numerics).toMatch(/^[0-9a-f]{64}$/);
    const one = join(folder, "one.safetensors");
    await train(options({ engine: "wasm", output: one })).result;
    expect(readFileSync(one)).toEqual(readFileSync(output));
    const evaluation = await evaluate(output, tableData());
    expect(evaluation.engine).toBe("wasm");
    if (!hasTensorFlow) return;
    const other = await evaluate(output, tableData(), { engine: "tensorflow" });
    expect(other.engine).toBe("tensorflow");
    expect(other.testLoss).toBeCloseTo(evaluation.testLoss, 4);
  });

  test("resumes from its checkpoint and ends in the same file as an uninterrupted run", async () => {
    const more = { optimizer: adamw({ learningRate: 0.01 }) };
    await train(options(more)).result;
    const half = join(folder, "half.safetensors");
    await train(options({ ...more, steps: 3, output: half })).result;
    const resumed = { data: tableData(), steps: 6, resume: half, output: half };
    const events = await readEvents(train(resumed));
    expect(events.find(({ event }) => event === "step")).toMatchObject({ step: 3 });
    expect(readFileSync(half)).toEqual(readFileSync(output));
  });

  test("starts from the weights of another", async () => {
    await train(options({ optimizer: adam({ learningRate: 0.05 }), steps: 40 })).result;
    const { testLoss } = await evaluate(output, tableData());
    const fine = join(folder, "fine.safetensors");
    const events = await readEvents(
      train({ data: tableData(), initial: output, steps: 1, batchSize: 20, output: fine }),
    );
    const first = events.find(({ event }) => event === "evaluation");
    expect(first).toMatchObject({ testLoss });
    const { config } = startOf(events);
    expect(config.initialDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(config.network).toEqual(TABLE_NETWORK);
    expect(events.find(({ event }) => event === "initial-weights")).toMatchObject({
      ...{ file: output, drawn: [], unused: [] },
    });
  });

  test("with classes has accuracies, with one output for two classes as well", async () => {
    const { inputs } = makeTable(60, "classes");
    const labels = Array.from({ length: 60 }, (_, row) => (inputs[4 * row]! > 0 ? 1 : 0));
    const data = arrays({
      inputShape: [4],
      inputs,
      targets: labels,
      test: { inputs, targets: labels },
    });
    for (const [outputs, loss] of [
      [2, undefined],
      [1, undefined],
      [1, binaryCrossEntropy({ labelSmoothing: 0.1 })],
    ] as const) {
      const result = await train({
        network: network([4], [dense(8), relu(), dense(outputs)]),
        data,
        ...(loss === undefined ? {} : { loss }),
        optimizer: adam({ learningRate: oneCycle(0.05) }),
        ...{ batchSize: 20, steps: 30, output },
      }).result;
      expect(result.ended === "finished" && result.testAccuracy).toBeGreaterThan(0.8);
    }
  });
});

describe("an abort", () => {
  test("ends the run after the step in progress, with a checkpoint from which it can resume", async () => {
    const aborter = new AbortController();
    const run = train(options({ steps: 1000, evalEvery: 0, signal: aborter.signal }));
    const seen: string[] = [];
    for await (const event of run) {
      seen.push(event.event);
      if (event.event === "step" && event.step === 4) aborter.abort();
    }
    const result = await run.result;
    expect(result.ended).toBe("interrupted");
    expect(result.step).toBeGreaterThan(4);
    expect(seen).toContain("interrupted");
    expect((await evaluate(output, tableData())).step).toBe(result.step);
  });

  test("before the start writes the initial state", async () => {
    const run = train(options({ signal: AbortSignal.abort() }));
    expect(await run.result).toEqual({ ended: "interrupted", step: 0, path: output });
  });
});

describe("readers", () => {
  test("may leave their loop, and the run continues", async () => {
    const run = train(options());
    for await (const event of run) if (event.event === "step") break;
    expect(await run.result).toMatchObject({ ended: "finished" });
  });

  test("that throw are reported, and cannot fail the run", async () => {
    const onEvent = vi.fn(() => {
      throw new Error("mine");
    });
    const run = train(options({ onEvent }));
    const events = await readEvents(run);
    expect(onEvent.mock.calls.length).toBeGreaterThan(8);
    expect(events).toContainEqual({
      event: "observer-failed",
      observer: "onEvent",
      reason: "mine",
    });
    expect(events.at(-1)?.event).toBe("end");
  });
});

describe("what cannot be is a TandemError, in the library's own terms", () => {
  const cases: [string, () => Partial<TrainOptions>, RegExp][] = [
    ["a batch larger than the data", () => ({ batchSize: 121 }), /^batchSize 121/],
    ["more shards than samples", () => ({ shards: 21 }), /^shards 21/],
    ["a number that is none", () => ({ steps: Number.NaN }), /^steps NaN/],
    ["a learning rate of 0", () => ({ optimizer: adam({ learningRate: 0 }) }), /^learningRate: /],
    ["an unknown folder", () => ({ output: join(folder, "no/c.safetensors") }), /^output .*folder/],
    ["workers twice", () => ({ workers: 1, listen: {} }), /cannot be used together/],
    [
      "listening to all without a token",
      () => ({ listen: { host: "0.0.0.0" } }),
      /^listen\.host 0\.0\.0\.0 .*Give listen\.token FILE, or listen\.insecure/,
    ],
    [
      "a network for other data",
      () => ({ network: network([5], [dense(2)]) }),
      /layer "dense1" is \[5\].*\[4\]/,
    ],
    [
      "too many outputs",
      () => ({ network: network([4], [dense(3)]) }),
      /layer "dense1": it has 3 outputs.*targets of 2/,
    ],
    [
      "a loss of classes for values",
      () => ({ loss: { loss: "softmax-cross-entropy" } }),
      /layer "dense2".*takes classes/,
    ],
    [
      "a number of another loss",
      () => ({ loss: { ...huber(), labelSmoothing: 0.1 } }),
      /labelSmoothing/,
    ],
    ["a preset of images for a table", () => ({ network: "cnn" }), /layer "conv1"/],
    [
      "a checkpoint that does not exist",
      () => ({ resume: join(folder, "none") }),
      /does not exist/,
    ],
  ];
  test.each(cases)("%s", async (_what, more, sentence) => {
    const run = train(options(more()));
    const failure = await failureOf(run);
    expect(failure.message).toMatch(sentence);
    expect(failure.message).not.toMatch(/\s--|\n/);
    expect(failure.exitCode).toBe(2);
    expect(existsSync(output)).toBe(false);
    // A loop over the events ends with the same error.
    await expect(readEvents(run)).rejects.toBe(failure);
  });

  test("options that contradict the checkpoint resumed", async () => {
    const more = { optimizer: momentum({ learningRate: cosine(0.05) }) };
    await train(options({ ...more, steps: 3 })).result;
    const before = readFileSync(output);
    const contradictions: [Partial<TrainOptions>, RegExp][] = [
      [{ seed: 1 }, /^seed 1/],
      [{ shards: 1 }, /^shards 1/],
      [{ batchNorm: "sync" }, /^batchNorm sync .*with ghost/],
      [{ optimizer: adam() }, /^optimizer adam/],
      [{ optimizer: momentum({ momentum: 0.5 }) }, /^momentum 0.5/],
      [{ optimizer: momentum({ learningRate: 0.1 }) }, /^learningRate 0.1/],
      [{ optimizer: momentum({ clipNorm: 1 }) }, /^clipNorm 1 .*with none/],
      [{ loss: huber() }, /^loss huber/],
      [{ network: network([4], [dense(2)]) }, /^network contradicts/],
      [{ steps: 6 }, /^steps 6 .*cosine schedule is for 3 steps/],
      [
        { data: arrays({ inputShape: [4], ...makeTable(30, "x"), test: makeTable(5, "y") }) },
        /data/,
      ],
    ];
    for (const [given, sentence] of contradictions) {
      const run = train({ data: tableData(), resume: output, output, ...given });
      expect((await failureOf(run)).message).toMatch(sentence);
    }
    expect(readFileSync(output)).toEqual(before);
  });
});
