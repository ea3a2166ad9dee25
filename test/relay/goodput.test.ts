// The calculations behind the figures of docs/scale.md: goodput from the times of steps, and the model of a tree's links.
import { describe, expect, test } from "vitest";
import { goodputOf, lostMs } from "../../scripts/scale/goodput.mjs";
import { levelsFor, levelsOf, linkOf, subtreeCount } from "../../scripts/scale/tree-model.mjs";

/** Steps of 100 ms from 0 to 3,000 ms; those at the given times take 50 ms longer. */
function endsWithSlowSteps(slow: readonly number[]): number[] {
  const ends = [0];
  for (let end = 100; end <= 3000; end += 100) {
    ends.push(end);
    if (!slow.includes(end)) continue;
    end += 50;
    ends[ends.length - 1] = end;
  }
  return ends;
}

const CALM = [
  { from: 0, to: 1000 },
  { from: 2000, to: 3000 },
];
const CHURN = [{ from: 1000, to: 2000 }];

describe("goodput", () => {
  test("is 1 if no step took longer", () => {
    const { goodput, noise, steps } = goodputOf(endsWithSlowSteps([]), CALM, CHURN);
    expect(goodput).toBe(1);
    expect(steps).toBe(10);
    expect(noise).toEqual([]);
  });

  test("decreases by the additional time of slow steps", () => {
    // One step of 1,000 ms instead of two.
    const { goodput } = goodputOf([0, 500, 1000, 2000, 2500, 3000], CALM, CHURN);
    expect(goodput).toBe(0.5);
  });

  test("a death costs the additional time of its steps", () => {
    const ends = endsWithSlowSteps([1200, 1350]);
    expect(lostMs(ends, CALM, [{ from: 1150, to: 1300 }])).toEqual([100]);
    expect(lostMs(ends, CALM, [{ from: 1720, to: 1730 }])).toEqual([0]);
  });
});

describe("the model of a tree", () => {
  test("has the levels of the fan-outs, or levels as even as the number of machines allows", () => {
    expect(levelsOf([2, 4])).toEqual([
      { children: 2, shards: 4 },
      { children: 4, shards: 1 },
    ]);
    expect(levelsFor(5, 2)).toEqual([
      { children: 2, shards: 3 },
      { children: 2, shards: 2 },
      { children: 2, shards: 1 },
    ]);
  });

  test("divides consecutive shards into complete subtrees", () => {
    expect(subtreeCount(0, 8)).toBe(1);
    expect(subtreeCount(4, 4)).toBe(1);
    expect(subtreeCount(1, 4)).toBe(3);
  });

  test("sends two relays the weights twice, and each sample's factors once, whatever their number of workers", () => {
    const star = linkOf(Array<number>(8).fill(1), 25);
    const tree = linkOf([4, 4], 25);
    expect(star.down / tree.down).toBeCloseTo(4, 1);
    // fc1: 3,136 inputs and 1,024 outputs for each of 200 samples; the rest is small.
    expect(tree.up).toBeGreaterThan((4 * 200 * (3136 + 1024)) / 1e6);
    expect(tree.up).toBeLessThan(star.up);
  });
});
