// Steps that are planned ahead: how many, which, and what happens when one of them fails.
import { expect, test } from "vitest";
import { StepFeed } from "../../src/coordinator/step-feed.js";
import type { StepPlan } from "../../src/coordinator/step-plan.js";

const MIB = 2 ** 20;

function planOf(step: number): StepPlan {
  const none = { tasks: [], shards: [], trainingBatches: [], testBatches: [] };
  return { step, isEvaluated: false, ...none };
}

function feedOf(options: { stepBytes?: number; steps?: number; isInMemory?: boolean }) {
  const begun: number[] = [];
  const feed = new StepFeed({
    plan: (step) => {
      begun.push(step);
      return Promise.resolve(planOf(step));
    },
    ...{ steps: 100, stepBytes: 20 * MIB, isInMemory: false, ...options },
  });
  return { feed, begun };
}

test("as many steps as fit are planned ahead, each once, in order", async () => {
  const { feed, begun } = feedOf({});
  feed.prepare(0);
  expect(begun).toEqual([0, 1, 2]);
  expect((await feed.take(0))?.step).toBe(0);
  feed.prepare(1);
  expect(begun).toEqual([0, 1, 2, 3]);
  expect((await feed.take(1))?.step).toBe(1);
  expect((await feed.take(2))?.step).toBe(2);
  feed.prepare(3);
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
});

test.each([
  ["large steps: one", { stepBytes: 500 * MIB }, 1],
  ["small steps: a few", { stepBytes: 1 }, 16],
  ["samples in memory: one", { stepBytes: 1, isInMemory: true }, 1],
  ["the last steps: what is left", { stepBytes: 1, steps: 5 }, 5],
])("%s", (_what, options, count) => {
  const { feed, begun } = feedOf(options);
  feed.prepare(0);
  expect(begun).toHaveLength(count);
});

test("behind the last step there is none", async () => {
  const { feed, begun } = feedOf({ steps: 2 });
  expect((await feed.take(1))?.step).toBe(1);
  expect(await feed.take(2)).toBeUndefined();
  expect(begun).toEqual([1]);
});

test("a step that fails is reported when it is due, and not before", async () => {
  const feed = new StepFeed({
    plan: (step) =>
      step === 2 ? Promise.reject(new Error("gone")) : Promise.resolve(planOf(step)),
    ...{ steps: 9, stepBytes: 1, isInMemory: false },
  });
  feed.prepare(0);
  expect((await feed.take(0))?.step).toBe(0);
  expect((await feed.take(1))?.step).toBe(1);
  await expect(feed.take(2)).rejects.toThrow("gone");
});
