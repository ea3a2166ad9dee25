// What the plans of the wasm engine must do correctly beyond the conformance suite: effects, feeding and fetching at unusual places,
// and feeds that do not fit.
import { expect, test } from "vitest";
import type { Feed, Session } from "../../src/shared/engine/engine.js";
import { openWasmInNode } from "../../src/shared/engine/wasm/node.js";
import { GraphBuilder } from "../../src/shared/graph/builder.js";
import type { Graph, Value } from "../../src/shared/graph/graph.js";
import { sgdStep } from "../support/steps.js";
import { readAll } from "./conformance/support.js";

const engine = openWasmInNode();

function withSession(graph: Graph, body: (session: Session) => void): void {
  const session = engine.open(graph);
  body(session);
  session.dispose();
}

/** Shape and values of each feed. */
function run(
  session: Session,
  feeds: readonly (readonly [Value, readonly number[], readonly number[]])[],
  fetches: readonly Value[],
): number[][] {
  return session.scope((scope) => {
    const fed = feeds.map(([value, shape, values]): Feed => [
      value,
      scope.tensor(shape, Float32Array.from(values)),
    ]);
    const tensors = scope.run(fed, fetches);
    return fetches.map((value, index) =>
      value.type === "effect" ? [] : [...scope.floats(tensors[index]!)],
    );
  });
}

function stepGraph() {
  const graph = new GraphBuilder();
  const [a, b] = [graph.variable("a", [2]), graph.variable("b", [2])];
  const rate = graph.constant("rate", [], Float32Array.of(1));
  const stepA = graph.step(sgdStep("a"), b, rate);
  const stepB = graph.step(sgdStep("b"), a, rate);
  return { graph, a, b, stepA, stepB, sum: graph.addTensors(a, b) };
}

function writeBoth(session: Session): void {
  session.write([
    { name: "a", values: Float32Array.of(10, 20) },
    { name: "b", values: Float32Array.of(1, 2) },
  ]);
}

test("effects read variables as they were before the run, and what is fetched is that too", () => {
  const { graph, a, stepA, stepB, sum } = stepGraph();
  withSession(graph, (session) => {
    writeBoth(session);
    const [before, , , total] = run(session, [], [a, stepA, stepB, sum]);
    expect(before).toEqual([10, 20]);
    expect(total).toEqual([11, 22]);
    expect(readAll(session, { a: 2, b: 2 })).toEqual([
      Float32Array.of(9, 18),
      Float32Array.of(-9, -18),
    ]);
  });
});

test("an effect changes the variable, not what is fed in the place of its value", () => {
  const { graph, a, stepA, stepB } = stepGraph();
  withSession(graph, (session) => {
    writeBoth(session);
    const [fed] = run(session, [[a, [2], [5, 6]]], [a, stepA, stepB]);
    expect(fed).toEqual([5, 6]);
    expect(readAll(session, { a: 2, b: 2 })).toEqual([
      Float32Array.of(9, 18),
      Float32Array.of(-4, -4),
    ]);
  });
});

test("fetches: twice the same, reshaped values and their sources, constants, and what is fed", () => {
  const graph = new GraphBuilder();
  const x = graph.placeholder("x", [-1, 4]);
  const constant = graph.constant("c", [1, 2], Float32Array.of(7, 8));
  const reshaped = graph.reshape(x, [2, 2]);
  const doubled = graph.addTensors(x, x);
  const image = graph.reshape(doubled, [4, 1]);
  const flat = graph.reshape(constant, [2, 1]);
  withSession(graph, (session) => {
    const fetches = [doubled, image, doubled, reshaped, flat, constant, x];
    const values = run(session, [[x, [1, 4], [1, 2, 3, 4]]], fetches);
    const two = [2, 4, 6, 8];
    expect(values).toEqual([two, two, two, [1, 2, 3, 4], [7, 8], [7, 8], [1, 2, 3, 4]]);
    expect(run(session, [[reshaped, [1, 2, 2], [5, 6, 7, 8]]], [reshaped])).toEqual([[5, 6, 7, 8]]);
  });
});

test("one output of an op may be fed while the other is computed", () => {
  const graph = new GraphBuilder();
  const x = graph.placeholder("x", [-1, 2]);
  const { mean, variance } = graph.moments(x);
  const sum = graph.addTensors(mean, variance);
  withSession(graph, (session) => {
    const feeds = [[x, [2, 2], [0, 1, 2, 5]] as const, [mean, [2], [10, 20]] as const];
    expect(run(session, feeds, [sum, variance])).toEqual([
      [11, 24],
      [1, 4],
    ]);
  });
});

test("a chain that is written in place does not touch what others still read", () => {
  const graph = new GraphBuilder();
  const x = graph.placeholder("x", [-1, 3]);
  const one = graph.constant("one", [3], Float32Array.of(1, 1, 1));
  const a = graph.biasAdd(x, one);
  const b = graph.activation(a, "relu");
  const c = graph.multiply(b, a);
  const d = graph.addTensors(c, c);
  const e = graph.addTensors(d, b);
  withSession(graph, (session) => {
    const feeds = [[x, [2, 3], [1, 2, 3, -4, -5, -6]] as const];
    const expected = [2 * 4 + 2, 2 * 9 + 3, 2 * 16 + 4, 0, 0, 0];
    expect(run(session, feeds, [e])).toEqual([expected]);
    expect(run(session, feeds, [e, x, b])).toEqual([
      expected,
      [1, 2, 3, -4, -5, -6],
      [2, 3, 4, 0, 0, 0],
    ]);
  });
});

test("feeds that do not fit are refused", () => {
  const graph = new GraphBuilder();
  const [x, y] = [graph.placeholder("x", [-1, 2]), graph.placeholder("y", [-1, 2])];
  const sum = graph.addTensors(x, y);
  const one = [x, [1, 2], [1, 2]] as const;
  withSession(graph, (session) => {
    expect(() => run(session, [one], [sum])).toThrow("nothing is fed to y");
    expect(() => run(session, [one, [y, [2], [1, 2]]], [sum])).toThrow("[2] is fed to y");
    expect(() => run(session, [one, [y, [1, 3], [1, 2, 3]]], [sum])).toThrow("[1,3] is fed to y");
    expect(() => run(session, [one, [y, [2, 2], [1, 2, 3, 4]]], [sum])).toThrow("1 and 2 samples");
    expect(() => run(session, [[x, [2, 2], [1]]], [x])).toThrow("1 values for a tensor [2,2]");
    const foreign = new GraphBuilder().placeholder("foreign", [-1, 2]);
    expect(() => run(session, [], [foreign])).toThrow("foreign is not a value");
    expect(run(session, [one, [y, [1, 2], [3, 4]]], [sum])).toEqual([[4, 6]]);
  });
});
