import fc from "fast-check";
import { expect, test } from "vitest";
import { permutation, Random } from "../../src/shared/random.js";

test("the same seed and stream give the same numbers, others give others", () => {
  const draw = (seed: number, stream: string) => {
    const random = new Random(seed, stream);
    return Array.from({ length: 8 }, () => random.uint32());
  };
  expect(draw(1, "a")).toEqual(draw(1, "a"));
  expect(draw(1, "a")).not.toEqual(draw(2, "a"));
  expect(draw(1, "a")).not.toEqual(draw(1, "b"));
});

test("truncated normals stay within ±2 and have the known mean and variance", () => {
  const random = new Random(3, "normal");
  const count = 200_000;
  let sum = 0;
  let squares = 0;
  for (let index = 0; index < count; index++) {
    const x = random.truncatedNormal();
    expect(Math.abs(x)).toBeLessThanOrEqual(2);
    sum += x;
    squares += x * x;
  }
  // 1 − 4φ(2)/(2Φ(2) − 1) = 0.773741…, the variance of a normal distribution truncated at ±2
  expect(sum / count).toBeCloseTo(0, 2);
  expect(squares / count).toBeCloseTo(0.7737, 2);
});

test("normals have the moments and the tails of the standard normal distribution", () => {
  const random = new Random(4, "normal");
  const values = Array.from({ length: 200_000 }, () => random.normal());
  const share = (test: (x: number) => boolean) => values.filter(test).length / values.length;
  const meanOf = (value: (x: number) => number) =>
    values.reduce((sum, x) => sum + value(x), 0) / values.length;
  // With each value: three standard errors for n = 200,000.
  expect(Math.abs(meanOf((x) => x))).toBeLessThan(0.0067);
  expect(Math.abs(meanOf((x) => x * x) - 1)).toBeLessThan(0.0095);
  expect(Math.abs(meanOf((x) => x ** 4) - 3)).toBeLessThan(0.066);
  expect(Math.abs(share((x) => x < -1) - 0.158655)).toBeLessThan(0.0025);
  expect(Math.abs(share((x) => Math.abs(x) < 0.5) - 0.382925)).toBeLessThan(0.0033);
  expect(Math.abs(share((x) => Math.abs(x) > 2) - 0.0455)).toBeLessThan(0.0014);
  expect(Math.abs(share((x) => x > 3) - 0.00135)).toBeLessThan(0.00025);
});

test("a permutation holds each number once", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 500 }), (seed, count) => {
      const order = permutation(new Random(seed, "p"), count);
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
    }),
  );
});

test("numbers below a bound are spread evenly", () => {
  const random = new Random(5, "below");
  const counts = [0, 0, 0, 0, 0, 0, 0];
  for (let index = 0; index < 70_000; index++) counts[random.below(7)]!++;
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});
