// The recorder turns events into page updates of bounded size at a bounded rate. The test has its own clock.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { PageUpdate } from "../../../src/coordinator/observe/dashboard/page-update.js";
import { Recorder } from "../../../src/coordinator/observe/dashboard/recorder.js";
import type { WorkerStatus } from "../../../src/coordinator/observe/dashboard/worker-table.js";
import type { RunConfig } from "../../../src/shared/config.js";
import type { RunEvent } from "../../../src/shared/run-event.js";
import type { Moments } from "../../../src/shared/statistics/moments.js";
import { configOf } from "../../support/config.js";

const MIB = 1024 * 1024;

let nowMs = 0;
let recorder: Recorder;
let updates: PageUpdate[];
let connected: WorkerStatus[];

function open(config: RunConfig = configOf(), classNames?: string[]): void {
  recorder = new Recorder({
    classNames,
    workers: () => connected,
    sinks: [(update) => updates.push(update)],
    now: () => nowMs,
  });
  const start = { event: "start", step: 0, steps: 100, broadcast: "weights" } as const;
  recorder.handle({ ...start, config, parameterCount: 1 });
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  nowMs = 0;
  updates = [];
  connected = [];
  open();
});
afterEach(() => {
  recorder.close();
  vi.useRealTimers();
});

function pass(ms: number): void {
  for (let passed = 0; passed < ms; passed += 100) {
    nowMs += 100;
    vi.advanceTimersByTime(100);
  }
}

function kinds(): string[] {
  return updates.map(({ kind }) => kind);
}

function ofKind<K extends PageUpdate["kind"]>(kind: K) {
  return updates.filter((update): update is PageUpdate & { kind: K } => update.kind === kind);
}

const stepEvent = (step: number): RunEvent => {
  return { event: "step", step, loss: step / 10, durationMs: 10.004, sampleCount: 10 };
};

const momentsEvent = (step: number, layers: Record<string, number>, shards = 2): RunEvent => {
  const moments = new Map<string, Moments>(
    Object.entries(layers).map(([name, channels]) => {
      const values = new Float32Array(channels).fill(1);
      return [name, { count: 5, mean: values, variance: values }];
    }),
  );
  const population = moments as ReadonlyMap<string, { mean: Float32Array; variance: Float32Array }>;
  return {
    event: "moments",
    step,
    shards: Array.from({ length: shards }, () => moments),
    population,
  };
};

describe("steps", () => {
  test("are sent together every 500 ms", () => {
    for (let step = 0; step < 4; step++) recorder.handle(stepEvent(step));
    pass(400);
    expect(kinds()).toEqual(["start"]);
    pass(100);
    expect(ofKind("steps")).toMatchObject([
      { steps: [0, 1, 2, 3], losses: [0, 0.1, 0.2, 0.3], durationsMs: [10, 10, 10, 10] },
    ]);
    pass(2_000);
    expect(kinds()).toEqual(["start", "steps"]);
  });

  test("are sent before what happened after them, and at the end", () => {
    recorder.handle(stepEvent(0));
    recorder.handle({ event: "checkpoint", step: 1, path: "file" });
    expect(kinds()).toEqual(["start", "steps", "mark"]);
    recorder.handle(stepEvent(1));
    recorder.close();
    expect(kinds()).toEqual(["start", "steps", "mark", "steps"]);
    recorder.handle(stepEvent(2));
    pass(1_000);
    expect(updates).toHaveLength(4);
  });
});

describe("statistics", () => {
  test("are sent every 2 s at most, the newest ones", () => {
    for (let step = 0; step < 100; step++) {
      recorder.handle(momentsEvent(step, { "fc1/bn": 3 }));
      pass(100);
    }
    const steps = ofKind("statistics").map(({ step }) => step);
    expect(steps).toEqual([4, 24, 44, 64, 84]);
  });

  test("of a network without batch normalisation are not sent", () => {
    recorder.handle(momentsEvent(0, {}));
    pass(5_000);
    expect(ofKind("statistics")).toEqual([]);
  });

  test("of wide networks show fewer shards, of far too wide ones fewer layers", () => {
    recorder.handle(momentsEvent(0, { a: 512, b: 512 }, 40));
    pass(500);
    recorder.handle(momentsEvent(1, { a: 8_192, b: 1_024 }, 40));
    pass(3_000);
    const wide = Object.fromEntries(
      Array.from({ length: 300 }, (_, index) => [`bn${index}`, 1_024]),
    );
    recorder.handle(momentsEvent(2, wide, 40));
    pass(3_000);
    const sent = ofKind("statistics");
    expect(sent.map(({ layers }) => layers[0]?.shards.length)).toEqual([16, 3, 2]);
    expect(sent.map(({ layers }) => layers.length)).toEqual([2, 2, 16]);
    for (const update of sent) expect(JSON.stringify(update).length).toBeLessThan(MIB);
  });
});

describe("workers", () => {
  const join = (name: string): RunEvent => ({ event: "worker", name, state: "joined" });

  test("have a row each, up to 256; those that left go first", () => {
    for (let index = 0; index < 300; index++) {
      recorder.handle(join(`worker-${index}`));
      if (index === 10) recorder.handle({ event: "worker", name: "worker-10", state: "left" });
    }
    const rows = ofKind("workers").at(-1)?.workers ?? [];
    expect(rows.length).toBeLessThanOrEqual(256);
    const names = rows.map(({ name }) => name);
    expect(names).not.toContain("worker-10");
    expect(names).toContain("worker-298");
  });

  test("that were never let in have no row", () => {
    recorder.handle({ event: "worker", name: "stranger", state: "rejected", reason: "no token" });
    pass(500);
    expect(ofKind("workers")).toEqual([]);
    expect(ofKind("mark")).toMatchObject([{ what: "rejected", worker: "stranger" }]);
  });

  test("are counted by what they computed", () => {
    const times = { sentMs: 0, computedFromMs: 2, computedToMs: 5, waitedMs: 0, answeredMs: 6 };
    const task = { worker: "one", samples: 4, ...times };
    const tasks = [
      { ...task, task: "shard", shard: 0 },
      { ...task, task: "evaluate" },
    ] as const;
    recorder.handle({ event: "trace", step: 0, tasks: [...tasks], phases: [] });
    pass(500);
    expect(ofKind("workers").at(-1)?.workers).toMatchObject([
      { name: "one", shards: 1, evaluationBatches: 1, samples: 8, shardMs: 3 },
    ]);
  });

  test("come with the newest step and the slowest of the last 100, if that has changed", () => {
    const handle = (step: number, toMs: number) => {
      const phases = [{ phase: "optimizer", fromMs: 0, toMs } as const];
      recorder.handle({ event: "trace", step, tasks: [], phases });
    };
    [9, 3, 5].forEach((toMs, step) => handle(step, toMs));
    pass(500);
    handle(3, 4);
    pass(500);
    handle(4, 10);
    pass(500);
    const [first, unchanged, last] = ofKind("trace");
    const slowest = { step: 0, phases: [{ toMs: 9 }] };
    expect(first).toMatchObject({ step: 2, phases: [{ toMs: 5 }], slowest });
    expect(unchanged).toMatchObject({ step: 3, phases: [{ toMs: 4 }] });
    expect(unchanged).not.toHaveProperty("slowest");
    expect(last).toMatchObject({ step: 4, slowest: { step: 4 } });
  });

  test("say what they run in", () => {
    recorder.handle({ event: "worker", name: "phone", state: "joined", kind: "browser" });
    const status = { host: "", roundTripMs: 1, bytesUp: 0, bytesDown: 0, lastSeenMs: 0 };
    connected = [{ name: "phone", kind: "browser", ...status }];
    pass(500);
    expect(ofKind("workers").at(-1)?.workers).toMatchObject([{ name: "phone", kind: "browser" }]);
    expect(ofKind("mark")).toMatchObject([{ what: "joined", text: "joined in a browser" }]);
  });

  test("cannot inject anything by their names, reasons and hosts, nor send megabytes", () => {
    const name = `\u001b[2J\n${"x".repeat(100_000)}`;
    recorder.handle({ event: "worker", name, state: "joined" });
    recorder.handle({ event: "worker", name, state: "left", reason: name });
    const status = { roundTripMs: 1, bytesUp: 0, bytesDown: 0, lastSeenMs: 0 };
    connected = [{ name, kind: "node", host: name, ...status }];
    const times = { sentMs: 0, computedFromMs: 0, computedToMs: 0, waitedMs: 0, answeredMs: 0 };
    const tasks = [{ worker: name, task: "shard" as const, samples: 1, ...times }];
    recorder.handle({ event: "trace", step: 0, tasks, phases: [] });
    pass(500);
    const text = JSON.stringify(updates);
    expect(text).not.toMatch(/\\u001b|\\n/);
    expect(text.length).toBeLessThan(8_000);
  });
});

describe("predictions", () => {
  test("of classes become a confusion matrix and pictures of mistakes", () => {
    const inputs = Uint8Array.from({ length: 3 * 80 }, (_, index) => index);
    recorder.handle({
      event: "predictions",
      step: 7,
      predictions: [Int32Array.of(1, 0), Int32Array.of(3)],
      samples: [
        { count: 2, inputs: inputs.subarray(0, 160), targets: Int32Array.of(1, 2) },
        { count: 1, inputs: inputs.subarray(160), targets: Int32Array.of(3) },
      ],
    });
    const [update] = ofKind("mistakes");
    expect(update?.confusion).toEqual([
      [0, 0, 0, 0],
      [0, 1, 0, 0],
      [1, 0, 0, 0],
      [0, 0, 0, 1],
    ]);
    expect(update?.picture).toEqual({ height: 8, width: 10, channels: 1 });
    expect(update?.wrong).toHaveLength(1);
    expect(update?.wrong[0]).toMatchObject({ index: 1, label: 2, predicted: 0 });
    expect([...Buffer.from(update?.wrong[0]?.pixels ?? "", "base64")]).toEqual([
      ...inputs.subarray(80, 160),
    ]);
  });

  test("of very many classes have no matrix, and pictures stay small in all", () => {
    recorder.close();
    open(configOf({ inputShape: [64, 64, 3], classCount: 1_000 }));
    const count = 100;
    recorder.handle({
      event: "predictions",
      step: 0,
      predictions: [new Int32Array(count).fill(999)],
      samples: [{ count, inputs: new Uint8Array(count * 12_288), targets: new Int32Array(count) }],
    });
    const [update] = ofKind("mistakes");
    expect(update?.confusion).toBeUndefined();
    expect(update?.wrong).toHaveLength(21);
    expect(JSON.stringify(update).length).toBeLessThan(MIB / 2);
  });

  test("of float32 pictures are scaled to bytes", () => {
    recorder.close();
    const config = configOf({ inputShape: [1, 3, 1], classCount: 2 });
    open({ ...config, data: { ...config.data, inputType: "float32" } });
    const inputs = Float32Array.of(-1, 0, 1);
    recorder.handle({
      event: "predictions",
      step: 0,
      predictions: [Int32Array.of(1)],
      samples: [{ count: 1, inputs, targets: Int32Array.of(0) }],
    });
    const pixels = ofKind("mistakes")[0]?.wrong[0]?.pixels ?? "";
    expect([...Buffer.from(pixels, "base64")]).toEqual([0, 128, 255]);
  });

  test("of values become pairs of at most 500 samples and 8 values each", () => {
    recorder.close();
    const config = configOf();
    open({ ...config, data: { ...config.data, target: { kind: "values", count: 10 } } });
    const count = 600;
    const targets = Float32Array.from({ length: 10 * count }, (_, index) => index);
    recorder.handle({
      event: "predictions",
      step: 0,
      predictions: [targets.map((value) => value + 0.5)],
      samples: [{ count, inputs: new Uint8Array(80 * count), targets }],
    });
    const [update] = ofKind("scatter");
    expect(update?.valueCount).toBe(8);
    const floats = (text = "") =>
      new Float32Array(new Uint8Array(Buffer.from(text, "base64")).buffer);
    expect(floats(update?.targets)).toHaveLength(8 * 500);
    expect(floats(update?.targets).subarray(0, 9)).toEqual(
      Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 10),
    );
    expect(floats(update?.predictions)[8]).toBe(10.5);
  });
});

test("the start carries class names, made safe, and no layers", () => {
  recorder.close();
  open(configOf(), ["cat", "\u001b[2J", "x".repeat(1_000)]);
  const start = ofKind("start").at(-1);
  expect(start?.classNames?.[0]).toBe("cat");
  expect(JSON.stringify(start?.classNames)).not.toContain("\\u001b");
  expect(start?.description).toMatchObject({ network: "cnn", inputShape: [8, 10, 1] });
  expect(JSON.stringify(start).length).toBeLessThan(2_000);
});
