// Prefetched steps: how many, which, and what happens when one of them fails.
import { expect, test } from "vitest";
import { StepFeed } from "../../src/coordinator/step-feed.js";
import type { StepPlan } from "../../src/coordinator/step-plan.js";

const MIB = 2 ** 20;

function planOf(step: number): StepPlan {
  const none = { tasks: [], shards: [], trainingBatches: [], testBatches: [] };
  return { step, isEvaluated: false, ...none };
}

/** A source that is slower than the steps: each step waits for its plan. */
class SlowPlans {
  readonly begun: number[] = [];
  private readonly waitMs: number;
  private nowMs = 0;
  private readonly finish = new Map<number, () => void>();

  constructor(waitMs: number) {
    this.waitMs = waitMs;
  }

  now(): number {
    return this.nowMs;
  }

  plan(step: number): Promise<StepPlan> {
    this.begun.push(step);
    return new Promise((resolve) => this.finish.set(step, () => resolve(planOf(step))));
  }

  async takeSlowly(feed: StepFeed, step: number): Promise<void> {
    feed.prepare(step);
    const taken = feed.take(step);
    this.nowMs += this.waitMs;
    this.finish.get(step)!();
    expect((await taken)?.step).toBe(step);
  }
}

function feedOf(stepBytes: number, { steps = 100, waitMs = 30 } = {}) {
  const plans = new SlowPlans(waitMs);
  const plan = (step: number) => plans.plan(step);
  return { plans, feed: new StepFeed({ plan, steps, stepBytes, now: () => plans.now() }) };
}

test("plans that are ready in time, or nearly, are started one step ahead", async () => {
  const { plans, feed } = feedOf(1, { waitMs: 1 });
  for (let step = 0; step < 5; step++) {
    feed.prepare(step);
    expect(plans.begun.at(-1)).toBe(step);
    await plans.takeSlowly(feed, step);
  }
  expect(plans.begun).toEqual([0, 1, 2, 3, 4]);
});

test.each([
  ["large steps", 500 * MIB, 1],
  ["middling steps", 20 * MIB, 3],
  ["small steps", 1, 16],
])(
  "steps that wait make it look further ahead, as far as fits: %s",
  async (_what, bytes, depth) => {
    const { plans, feed } = feedOf(bytes);
    for (let step = 0; step < 10; step++) await plans.takeSlowly(feed, step);
    feed.prepare(10);
    expect(plans.begun).toEqual(Array.from({ length: 10 + depth }, (_, step) => step));
  },
);

test("there is none after the last step", async () => {
  const { plans, feed } = feedOf(1, { steps: 6 });
  for (let step = 0; step < 6; step++) await plans.takeSlowly(feed, step);
  expect(await feed.take(6)).toBeUndefined();
  expect(plans.begun).toEqual([0, 1, 2, 3, 4, 5]);
});

test("a step that fails is reported when it is due, not earlier", async () => {
  const plan = (step: number) =>
    step === 1 ? Promise.reject(new Error("gone")) : Promise.resolve(planOf(step));
  const feed = new StepFeed({ plan, steps: 9, stepBytes: 1 });
  feed.prepare(0);
  feed.prepare(1);
  // An unhandled rejection would end the process here.
  await new Promise<void>((resolve) => setImmediate(resolve));
  expect((await feed.take(0))?.step).toBe(0);
  await expect(feed.take(1)).rejects.toThrow("gone");
});
