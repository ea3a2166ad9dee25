// Cutting a graph's work into runs.
import { expect, it } from "vitest";
import { GraphBuilder } from "../../src/shared/graph/builder.js";
import { sgdStep } from "../support/steps.js";
import { cutGraph } from "../../src/shared/graph/cut.js";

it("computes nothing twice: later runs are fed what earlier ones computed", () => {
  const builder = new GraphBuilder();
  const x = builder.placeholder("x", [-1, 2]);
  const w = builder.variable("w", [2]);
  const shared = builder.biasAdd(x, w);
  const first = builder.softmax(shared);
  const second = builder.multiply(shared, x);
  const [a, b] = cutGraph(builder, [[first], [second]]);
  expect(a).toEqual({ feeds: [x], fetches: [first, shared] });
  expect(b).toEqual({ feeds: [shared, x], fetches: [second] });
});

it("leaves constants and variables to each run", () => {
  const builder = new GraphBuilder();
  const w = builder.variable("w", [2]);
  const one = builder.constant("one", [2], Float32Array.of(1, 1));
  const [a, b] = cutGraph(builder, [[builder.multiply(w, w)], [builder.addTensors(w, one)]]);
  expect(a!.feeds).toEqual([]);
  expect(b!.feeds).toEqual([]);
});

it("feeds no run what only an earlier one needs, and lets effects happen once", () => {
  const builder = new GraphBuilder();
  builder.variable("w", [2]);
  const factor = builder.placeholder("factor", []);
  const decay = builder.scaleVariable("w", factor);
  const gradient = builder.placeholder("gradient", [2]);
  const step = builder.step(sgdStep("w"), gradient, factor, [decay]);
  const [a, b] = cutGraph(builder, [[decay], [step, decay]]);
  expect(a).toEqual({ feeds: [factor], fetches: [decay] });
  expect(b).toEqual({ feeds: [gradient, factor], fetches: [step, decay] });
});

it("does not overflow the stack on a long chain", () => {
  const builder = new GraphBuilder();
  let x = builder.placeholder("x", [-1, 1]);
  for (let index = 0; index < 12_000; index++) x = builder.softmax(x);
  expect(cutGraph(builder, [[x]])[0]!.feeds).toHaveLength(1);
});

it("refuses values of another graph", () => {
  const x = new GraphBuilder().placeholder("x", [-1, 1]);
  expect(() => cutGraph(new GraphBuilder(), [[x]])).toThrow(/another graph/);
});
