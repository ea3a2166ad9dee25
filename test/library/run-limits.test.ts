// What a machine's memory, or a message, cannot hold is refused before the run, by layer.
import { describe, expect, test } from "vitest";
import { checkMemory } from "../../src/run/memory-check.js";
import { checkMessages } from "../../src/run/message-check.js";
import type { RunConfig } from "../../src/shared/config.js";
import { network } from "../../src/shared/network/compose.js";
import { dense, flatten, relu } from "../../src/shared/network/layers.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { configOf } from "../support/config.js";

const layout = (changes: Parameters<typeof configOf>[0]) => layoutOfRun(configOf(changes));
const tooLarge = (sentence: RegExp) =>
  expect.objectContaining({
    code: "too-large",
    exitCode: 2,
    message: expect.stringMatching(sentence) as string,
  }) as Error;

describe("memory", () => {
  test("a batch that is too large to be computed here", () => {
    const large = { inputShape: [28, 28, 1], batchSize: 60_000 };
    expect(() => checkMemory(layout({ ...large, shards: 1 }), true, 16e9)).toThrow(
      tooLarge(/60000 samples.*"conv1".*--batch-size/),
    );
    checkMemory(layout({ ...large, shards: 1 }), false, 16e9);
    checkMemory(layout({ ...large, shards: 100 }), true, 16e9);
  });

  test("a network that is too large, with its optimizer's slots", () => {
    const images = { inputShape: [216, 216, 1] };
    const adam = layout(images);
    const sgd = layout({ ...images, optimizer: { kind: "sgd", weightDecay: 0 } });
    expect(() => checkMemory(adam, false, 2e9)).toThrow(tooLarge(/"fc1".*2\.0 GB/));
    checkMemory(sgd, false, 2e9);
    checkMemory(adam, false, 16e9);
  });

  test("images of 224 × 224 × 3 fit", () => {
    checkMemory(layout({ inputShape: [224, 224, 3], batchSize: 32 }), true, 16e9);
  });
});

describe("messages", () => {
  const withNetwork = (spec: RunConfig["network"], changes: Partial<RunConfig> = {}) =>
    layoutOfRun(configOf({ network: spec, ...changes }));

  test("a network of ordinary size", () => {
    checkMessages(layout({}));
    checkMessages(layout({ inputShape: [224, 224, 3] }));
  });

  test("more tensors than a message has parts", () => {
    const layers = Array.from({ length: 900 }, () => dense(2));
    const spec = network([8, 10, 1], [flatten(), ...layers, dense(4)]);
    expect(() => checkMessages(withNetwork(spec))).toThrow(tooLarge(/tensors in one message/));
    checkMessages(withNetwork(spec, { optimizer: { kind: "sgd", weightDecay: 0 } }));
  });

  test("a description that is too long", () => {
    const long = (index: number) => `${"x".repeat(190)}${index}`;
    const sums = Array.from({ length: 30 }, (_, index) => ({
      name: long(index + 1),
      inputs: new Array<string>(256).fill(long(index)),
      trainable: true,
      layer: { kind: "add" as const },
    }));
    const { inputShape, layers } = network(
      [8, 10, 1],
      [relu({ name: long(0) }), flatten({ name: "flat" }), dense(4)],
    );
    const [first, flat, ...rest] = layers;
    const spec = {
      inputShape,
      layers: [first!, ...sums, { ...flat!, inputs: [long(30)] }, ...rest],
    };
    expect(() => checkMessages(withNetwork(spec))).toThrow(tooLarge(/33 layers takes \d+ bytes/));
  });

  test("a shard that is too large", () => {
    const changes = { inputShape: [224, 224, 3], batchSize: 20_000, shards: 1 };
    expect(() => checkMessages(layout(changes))).toThrow(tooLarge(/20000 samples.*--batch-size/));
  });
});
