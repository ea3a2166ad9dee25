// What workers are sent after a step, as far as arithmetic decides it.
import { expect, test } from "vitest";
import { StateFeed } from "../../src/coordinator/state-feed.js";
import { runConfigSchema } from "../../src/shared/config.js";

const configOf = (batchSize: number, shards: number) =>
  runConfigSchema.parse({
    model: "cnn",
    ...{ seed: 0, batchSize, shards, learningRate: 1e-4, threads: 1, validationSize: 0 },
    data: { height: 28, width: 28, classes: 10, digest: "0".repeat(64) },
  });

test("updates are sent while they are smaller than the weights", () => {
  // fc1 is 3136 × 1024: the factors of 772 samples are as many numbers as its kernel.
  expect(new StateFeed(configOf(50, 2), "updates").broadcast).toBe("updates");
  expect(new StateFeed(configOf(770, 10), "updates").broadcast).toBe("updates");
  expect(new StateFeed(configOf(1600, 64), "updates").broadcast).toBe("weights");
  // A shard of 800 carries fc1's gradient whole, and all other parameters too: as many numbers as the weights.
  expect(new StateFeed(configOf(1600, 2), "updates").broadcast).toBe("weights");
  expect(new StateFeed(configOf(50, 2), "weights").broadcast).toBe("weights");
});
