// Shards of a step that are computed in one process and pause at barriers. The passes here compute nothing.
import { describe, expect, test } from "vitest";
import type { ShardPass } from "../../src/shared/replica/shard-pass.js";
import {
  completePass,
  nextContribution,
  StepPasses,
} from "../../src/shared/replica/step-passes.js";
import type { ShardResult } from "../../src/shared/replica/tensors.js";

const BARRIERS = 3;
const values = (value: number) => Float32Array.of(value);

/** Contributes to each barrier the sum of what it has received and its own number; its loss is the sum of everything. */
function* pass(
  own: number,
  log: string[],
  onContribution?: (values: Float32Array) => void,
): ShardPass {
  let sum = own;
  try {
    for (let barrier = 0; barrier < BARRIERS; barrier++) {
      onContribution?.(values(sum));
      const merged = yield values(sum);
      sum += merged[0]!;
    }
    return { loss: sum, gradients: new Map(), moments: new Map() };
  } finally {
    log.push(`${own} freed`);
  }
}

function harness() {
  const log: string[] = [];
  const clock = { nowMs: 0 };
  const passes = new StepPasses(() => clock.nowMs);
  const waited: number[] = [];
  const begin = (task: number) =>
    passes.begin(task, (onContribution) => pass(task, log, onContribution), {
      onContribution: (barrier, own) => log.push(`${task} at ${barrier} with ${own[0]}`),
      onResult: ({ loss }: ShardResult, waitedMs) => {
        log.push(`${task} has ${loss}`);
        waited.push(waitedMs);
      },
    });
  return { log, clock, passes, begin, waited };
}

describe("the passes of a step", () => {
  test("go from barrier to barrier together, in the order in which they came", () => {
    const { log, passes, begin } = harness();
    begin(1);
    begin(2);
    expect(log.splice(0)).toEqual(["1 at 0 with 1", "2 at 0 with 2"]);
    passes.resume(values(10));
    expect(log.splice(0)).toEqual(["1 at 1 with 11", "2 at 1 with 12"]);
    passes.resume(values(20));
    passes.resume(values(30));
    expect(log).toEqual([
      ...["1 at 2 with 31", "2 at 2 with 32"],
      ...["1 freed", "1 has 61", "2 freed", "2 has 62"],
    ]);
    expect(passes.waitingCount).toBe(0);
  });

  test("begun later replay what is known", () => {
    const { log, passes, begin } = harness();
    passes.resume(values(10));
    passes.resume(values(20));
    begin(1);
    expect(log).toEqual(["1 at 0 with 1", "1 at 1 with 11", "1 at 2 with 31"]);
    expect(passes.isWaiting(1)).toBe(true);
    passes.resume(values(30));
    expect(log.at(-1)).toBe("1 has 61");
  });

  test("begun twice, or ended with their step, free what they hold", () => {
    const { log, passes, begin } = harness();
    begin(1);
    begin(1);
    expect(log).toEqual(["1 at 0 with 1", "1 freed", "1 at 0 with 1"]);
    begin(2);
    expect(passes.waitingCount).toBe(2);
    passes.clear();
    expect(log.slice(-2)).toEqual(["1 freed", "2 freed"]);
    expect(passes).toMatchObject({ waitingCount: 0, mergedCount: 0 });
  });

  test("say how long they were not computed", () => {
    const { clock, passes, begin, waited } = harness();
    begin(1);
    for (let barrier = 0; barrier < BARRIERS; barrier++) {
      clock.nowMs += 7;
      passes.resume(values(0));
    }
    expect(waited).toEqual([3 * 7]);
  });
});

describe("a pass by itself", () => {
  test("is completed with the merged values of all barriers, and refused with fewer", () => {
    const log: string[] = [];
    const merged = [10, 20, 30].map(values);
    expect(completePass(pass(1, log), merged).loss).toBe(61);
    expect(() => completePass(pass(2, log), merged.slice(1))).toThrow(
      "no merged values of barrier 2",
    );
    expect(log).toEqual(["1 freed", "2 freed"]);
  });

  test("says what it brings to the first barrier that is not merged", () => {
    const log: string[] = [];
    expect(nextContribution(pass(1, log), [10, 20].map(values))).toEqual(values(31));
    expect(nextContribution(pass(2, log), [10, 20, 30].map(values))).toBeUndefined();
    expect(log).toEqual(["1 freed", "2 freed"]);
  });
});
