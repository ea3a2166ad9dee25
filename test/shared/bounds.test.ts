import { expect, test } from "vitest";
import { findGradientProblem, findResultProblem } from "../../src/shared/replica/bounds.js";
import type { Gradient } from "../../src/shared/replica/tensors.js";

const dense = (...values: number[]): Gradient => ({
  form: "dense",
  values: Float32Array.from(values),
});
const problemOf = (gradient: Gradient) => findGradientProblem(new Map([["w", gradient]]));

test("finite gradients of 3e38, whose squares are infinite, are refused", () => {
  expect(problemOf(dense(1, -3e38))).toBe("w: a number beyond 1e+18");
  expect(problemOf(dense(1e17, -1e17))).toBeUndefined();
});

test.each([NaN, Infinity, -Infinity])("%s is refused wherever it stands", (value) => {
  for (let place = 0; place < 3; place++) {
    const values = [1, 2, 3];
    values[place] = value;
    expect(problemOf(dense(...values))).toBe("w: a number is not finite");
  }
});

test("factors are held to what their product can be", () => {
  const factors = (inputs: number, outputs: number): Gradient => ({
    form: "factors",
    shards: [{ rows: 1, inputs: Float32Array.of(inputs, 0), outputs: Float32Array.of(0, outputs) }],
  });
  expect(problemOf(factors(1e8, 1e9))).toBeUndefined();
  expect(problemOf(factors(1e12, 1e9))).toBeDefined();
  expect(problemOf(factors(NaN, 0))).toBeDefined();
});

test("moments with a negative or an absurd variance are refused", () => {
  const moments = (variance: number) => ({
    loss: 0,
    moments: new Map([
      ["bn", { count: 1, mean: Float32Array.of(0), variance: Float32Array.of(variance) }],
    ]),
  });
  expect(findResultProblem(moments(1))).toBeUndefined();
  expect(findResultProblem(moments(-1))).toMatch(/negative/);
  expect(findResultProblem(moments(3e38))).toBeDefined();
  expect(findResultProblem({ loss: NaN, moments: new Map() })).toMatch(/loss/);
});
