// When the training loop may keep the coordinator busy: not while shards of the step wait at a barrier.
import { describe, expect, test } from "vitest";
import { OpenRound } from "../../src/coordinator/workers/round.js";
import type { ShardTask } from "../../src/coordinator/workers/tasks.js";
import type { Barrier } from "../../src/shared/statistics/barrier.js";

const BARRIERS: Barrier[] = (["forward", "backward"] as const).map((direction) => {
  return { layer: "bn", direction, channels: 1, valuesPerSample: 1 };
});

const TASKS = [0, 1].map((shard): ShardTask => {
  const samples = { count: 2, inputs: new Uint8Array(0), targets: new Int32Array(0) };
  return { kind: "shard", id: shard, step: 0, shard, firstSample: 2 * shard, samples };
});

function contribute(round: OpenRound, barrier: number): void {
  for (const { shard } of TASKS) round.barriers.add(shard, barrier, Float32Array.of(1, 1));
}

describe("a round's barriers", () => {
  test("have been passed with the last contribution to the last of them", async () => {
    const round = new OpenRound(TASKS, 2, BARRIERS);
    let isPassed = false;
    const passed = round.passBarriers().then(() => (isPassed = true));
    contribute(round, 0);
    await Promise.resolve();
    expect(isPassed).toBe(false);
    contribute(round, 1);
    await passed;
    expect(isPassed).toBe(true);
  });

  test("are not waited for where there are none", async () => {
    await new OpenRound(TASKS, 2).passBarriers();
  });

  test("are not waited for after the round has failed", async () => {
    const round = new OpenRound(TASKS, 2, BARRIERS);
    const passed = round.passBarriers();
    round.fail(new Error("workers missing"));
    await expect(passed).rejects.toThrow("workers missing");
  });
});
