// The choice between updates and weights, by their sizes.
import { expect, test } from "vitest";
import { createBroadcast } from "../../src/coordinator/broadcast/create-broadcast.js";
import type { BroadcastKind } from "../../src/shared/config.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { configOf } from "../support/config.js";

function chosen(requested: BroadcastKind, batchSize: number, shards: number): BroadcastKind {
  const config = configOf({ inputShape: [28, 28, 1], classCount: 10, batchSize, shards });
  return createBroadcast(requested, layoutOfRun(config)).kind;
}

test("updates are sent while they are smaller than the weights", () => {
  // fc1 is 3136 × 1024: the factors of 772 samples are as large as its kernel.
  expect(chosen("updates", 50, 2)).toBe("updates");
  expect(chosen("updates", 770, 10)).toBe("updates");
  expect(chosen("updates", 1600, 64)).toBe("weights");
  // With shards of 800, fc1's gradient itself is sent, and all others too: as large as the weights.
  expect(chosen("updates", 1600, 2)).toBe("weights");
  expect(chosen("weights", 50, 2)).toBe("weights");
});
