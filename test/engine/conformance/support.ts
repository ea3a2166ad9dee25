// Shared by the parts of the conformance suite.
import { expect } from "vitest";
import type { Engine, Feed, Session } from "../../../src/shared/engine/engine.js";
import type { Graph, Value } from "../../../src/shared/graph/graph.js";
import type { Input } from "./op-case.js";

/** Engines may treat denormal numbers as 0. */
export const SMALLEST_NORMAL = 2 ** -126;

/** The session is closed at the end. */
export function withSession<T>(engine: Engine, graph: Graph, body: (session: Session) => T): T {
  const session = engine.open(graph);
  try {
    return body(session);
  } finally {
    session.dispose();
  }
}

export function runCase(
  session: Session,
  inputs: readonly Input[],
  fetches: readonly Value[],
): [values: Float32Array[], shapes: (readonly number[])[]] {
  return session.scope((scope) => {
    const feeds = inputs.map(({ value, shape, values }): Feed => [
      value,
      scope.tensor(shape, values),
    ]);
    const tensors = scope.run(feeds, fetches);
    return [tensors.map((tensor) => scope.floats(tensor)), tensors.map(({ shape }) => shape)];
  });
}

export function readAll(
  session: Session,
  lengths: Readonly<Record<string, number>>,
): Float32Array[] {
  const targets = Object.entries(lengths).map(([name, length]) => ({
    name,
    into: new Float32Array(length).fill(NaN),
  }));
  session.read(targets);
  return targets.map(({ into }) => into);
}

/** @param tolerance relative to the largest expected value */
export function expectClose(found: Float32Array, expected: Float32Array, tolerance: number): void {
  expect(found.length).toBe(expected.length);
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  found.forEach((value, at) => {
    const error = Math.abs(value - expected[at]!);
    if (error > tolerance * scale + SMALLEST_NORMAL || Number.isNaN(value)) {
      expect.fail(`value ${at} is ${value}, not ${expected[at]!}: ${error / scale} of ${scale}`);
    }
  });
}
