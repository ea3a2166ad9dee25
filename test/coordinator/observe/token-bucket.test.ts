// Rate limits. The test has its own clock.
import { beforeEach, describe, expect, test } from "vitest";
import {
  KeyedBuckets,
  TokenBucket,
} from "../../../src/coordinator/observe/dashboard/token-bucket.js";

let nowMs = 0;
const now = () => nowMs;
beforeEach(() => {
  nowMs = 5_000;
});

function countAllowed(take: () => boolean, attempts: number): number {
  return Array.from({ length: attempts }, take).filter(Boolean).length;
}

describe("a rate limit", () => {
  test("allows a burst, and then what the rate allows", () => {
    const bucket = new TokenBucket({ burst: 5, perSecond: 2 }, now);
    const take = () => bucket.take();
    expect(countAllowed(take, 20)).toBe(5);
    nowMs += 499;
    expect(countAllowed(take, 20)).toBe(0);
    nowMs += 1;
    expect(countAllowed(take, 20)).toBe(1);
    nowMs += 1_500;
    expect(countAllowed(take, 20)).toBe(3);
  });

  test("never saves up more than a burst", () => {
    const bucket = new TokenBucket({ burst: 5, perSecond: 2 }, now);
    nowMs += 3_600_000;
    expect(countAllowed(() => bucket.take(), 20)).toBe(5);
  });

  test("in the long run allows the rate, however often it is asked", () => {
    const bucket = new TokenBucket({ burst: 5, perSecond: 2 }, now);
    let count = 0;
    for (let attempt = 0; attempt < 10_000; attempt++) {
      nowMs += 10;
      if (bucket.take()) count++;
    }
    expect(count).toBeGreaterThanOrEqual(203);
    expect(count).toBeLessThanOrEqual(205);
  });
});

describe("limits per address", () => {
  test("do not share what they allow", () => {
    const buckets = new KeyedBuckets({ burst: 2, perSecond: 1 }, now);
    expect(countAllowed(() => buckets.take("a"), 5)).toBe(2);
    expect(countAllowed(() => buckets.take("b"), 5)).toBe(2);
    nowMs += 1_000;
    expect(countAllowed(() => buckets.take("a"), 5)).toBe(1);
  });

  test("of the addresses that asked last are remembered, the oldest forgotten", () => {
    const buckets = new KeyedBuckets({ burst: 1, perSecond: 0 }, now);
    expect(buckets.take("first")).toBe(true);
    expect(buckets.take("second")).toBe(true);
    for (let address = 0; address < 9_998; address++) buckets.take(`address ${address}`);
    // A request makes it one of the newest.
    expect(buckets.take("first")).toBe(false);
    buckets.take("one more");
    expect(buckets.take("first")).toBe(false);
    expect(buckets.take("second")).toBe(true);
  });
});
