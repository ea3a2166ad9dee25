// The sentences on the terminal: the fixed form of metrics, and that texts from others are made harmless.
import { describe, expect, test } from "vitest";
import { durationText, shortNumber } from "../../../src/coordinator/observe/number-text.js";
import {
  pageUrl,
  sentenceOf,
  waitingText,
} from "../../../src/coordinator/observe/sinks/narration.js";
import { configOf } from "../../support/config.js";

test("a peer's name and reason reach no terminal raw, and not at any length", () => {
  const sentence = sentenceOf({
    event: "worker",
    name: "evil\u001b[2J",
    state: "rejected",
    reason: `\n${"x".repeat(16_000)}`,
  });
  for (const character of ["\u001b", "\n"]) expect(sentence?.text).not.toContain(character);
  expect(sentence?.text.length).toBeLessThan(600);
});

test("a worker that joins from a browser is called so", () => {
  const joined = { event: "worker", name: "phone-1", state: "joined" } as const;
  expect(sentenceOf({ ...joined, kind: "browser" })?.text).toBe(
    "worker phone-1 joined in a browser",
  );
  expect(sentenceOf({ ...joined, kind: "node" })?.text).toBe("worker phone-1 joined");
});

test("mixed numerics are reported with the step, the machine and its fingerprint, if they are known", () => {
  const numerics = "0123456789abcdef".repeat(4);
  const mixed = { event: "mixed-numerics", since: 40 } as const;
  const end = "another run of this configuration may end in another checkpoint";
  expect(sentenceOf({ ...mixed, worker: "w", numerics })).toEqual({
    level: "warn",
    text: `from step 40 on, the results of worker w differ in the last bits (numerics 01234567): ${end}`,
  });
  expect(sentenceOf({ ...mixed, numerics })?.text).toContain("the results of this machine differ");
  expect(sentenceOf(mixed)?.text).toBe(
    `from step 40 on, machines took part whose results differ in the last bits: ${end}`,
  );
});

test("the key of the page is in the fragment, which is sent nowhere", () => {
  expect(pageUrl("ws://127.0.0.1:7711", "a&b")).toBe("http://127.0.0.1:7711/#key=a%26b");
  expect(pageUrl("wss://[::1]:1")).toBe("https://[::1]:1/");
});

test("waiting is reported with its start and its deadline", () => {
  const since = new Date(2026, 0, 1, 12, 3, 10);
  expect(waitingText("waiting for 1 more worker", 600, since)).toBe(
    "waiting for 1 more worker, since 12:03:10, until 12:13:10 at most",
  );
});

describe("the metrics", () => {
  const evaluation = { event: "evaluation", step: 100, trainLoss: 0.25, testLoss: 1.5e-5 } as const;

  test("are accuracies where the targets are classes", () => {
    const sentence = sentenceOf({ ...evaluation, trainAccuracy: 0.98, testAccuracy: 0.9632 });
    expect(sentence).toEqual({
      level: "result",
      text: "step 100, training accuracy 0.98, test accuracy 0.9632",
    });
    const end = { event: "end", step: 200, path: "checkpoint.safetensors", testLoss: 0.5 } as const;
    expect(sentenceOf({ ...end, testAccuracy: 1 })?.text).toBe("test accuracy 1");
  });

  test("are losses where the targets are values", () => {
    expect(sentenceOf(evaluation)?.text).toBe("step 100, training loss 0.25, test loss 1.5e-05");
    const end = { event: "end", step: 200, path: "checkpoint.safetensors", testLoss: 0.5 } as const;
    expect(sentenceOf(end)?.text).toBe("test loss 0.5");
  });
});

test("initial weights are listed by layer, as far as fits on a line", () => {
  const weights = { event: "initial-weights", file: "old.safetensors" } as const;
  const text = (taken: string[], unused: string[] = []) =>
    sentenceOf({ ...weights, drawn: ["head"], taken, unused })?.text;
  expect(text(["conv1", "conv1/bn"], ["fc2"])).toBe(
    "initial weights from old.safetensors; taken: conv1, conv1/bn; drawn: head; not used: fc2",
  );
  const many = Array.from({ length: 900 }, (_, index) => `layer${index}\n`);
  expect(text(many)).toMatch(/layer11. and 888 more; drawn: head$/);
  expect(text(many)).not.toContain("\n");
});

test("the start names network, loss and optimizer", () => {
  const start = { event: "start", step: 0, steps: 100, broadcast: "updates" } as const;
  const config = configOf({ engine: { name: "tensorflow", threads: 1 } });
  const text = sentenceOf({ ...start, config, parameterCount: 3_274_634 })?.text;
  expect(text).toBe(
    "cnn, 3,274,634 parameters, softmax cross-entropy, adam 0.001, 100 steps of 10 in 2 shards, engine tensorflow, 1 thread",
  );
  const synchronised = sentenceOf({
    ...{ ...start, parameterCount: 7 },
    config: { ...config, batchNorm: "sync" },
  });
  expect(synchronised?.text).toContain("100 steps of 10 in 2 shards, batch norm sync, engine");
  const layers = config.network.layers.map((node) => ({ ...node, name: `my-${node.name}` }));
  const inputs = layers.map(({ inputs: names }) => {
    return names.map((name) => (name === "input" ? name : `my-${name}`));
  });
  const network = {
    ...config.network,
    layers: layers.map((node, index) => ({ ...node, inputs: inputs[index]! })),
  };
  const own = sentenceOf({ ...start, step: 50, config: { ...config, network }, parameterCount: 7 });
  expect(own?.text).toMatch(/^network of \d+ layers, 7 parameters, .*, from step 50 on$/);
});

test.each([
  [0, "0"],
  [0.1 + 0.2, "0.3"],
  [0.12345678, "0.123457"],
  [0.0001, "0.0001"],
  [0.00001234, "1.234e-05"],
  [123456, "123456"],
  [1234567, "1.23457e+06"],
  [-2.5, "-2.5"],
  [NaN, "nan"],
  [-Infinity, "-inf"],
])("%f is written as %s, like printf's g", (value, text) => {
  expect(shortNumber(value)).toBe(text);
});

test("durations", () => {
  expect([0, 59.6, 3599, 7260, NaN].map(durationText)).toEqual([
    "0 s",
    "1 min 0 s",
    "59 min 59 s",
    "2 h 1 min",
    "–",
  ]);
});
