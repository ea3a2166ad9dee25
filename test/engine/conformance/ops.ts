// Compares every op with the float64 reference.
import { expect, test } from "vitest";
import { referenceEngine } from "../../support/reference-engine.js";
import { CaseGraph } from "./op-case.js";
import { OP_CASES } from "./op-cases.js";
import type { Subject } from "./subject.js";
import { expectClose, runCase, SMALLEST_NORMAL, withSession } from "./support.js";

export function testOps({ open }: Subject): void {
  for (const [kind, cases] of Object.entries(OP_CASES)) {
    test.each(cases)(`${kind}: $name`, ({ build, tolerance }) => {
      const graph = new CaseGraph();
      const fetches = build(graph);
      const [expected] = runCase(referenceEngine.open(graph), graph.inputs, fetches);
      const samples = graph.inputs.find(({ value }) => value.shape[0] === -1)?.shape[0];
      withSession(open(), graph, (session) => {
        const [first, shapes] = runCase(session, graph.inputs, fetches);
        fetches.forEach(({ shape }, index) => {
          // The inferred shapes are those that the engine computes.
          expect(shapes[index]).toEqual(shape.map((side) => (side === -1 ? samples : side)));
          expectClose(first[index]!, expected[index]!, tolerance);
        });
        expect(runCase(session, graph.inputs, fetches)[0], "the same bits again").toEqual(first);
      });
    });
  }

  test("infinities and denormal numbers", () => {
    const graph = new CaseGraph();
    const values = [Infinity, -Infinity, 1e-40, -1e-40, 0, 3e38, -3e38, 1, 2, -1, -Infinity, 5];
    const x = graph.given([1, 2, 6, 1], Float32Array.from(values));
    const ones = graph.given([1, 2, 6, 1], new Float32Array(12).fill(1e-40));
    const relu = graph.activation(x, "relu");
    const window = { size: [2, 2], strides: [2, 2], padding: "same" } as const;
    const fetches = [relu, graph.maxPool(x, window).y, graph.addTensors(x, ones)];
    const [expected] = runCase(referenceEngine.open(graph), graph.inputs, fetches);
    withSession(open(), graph, (session) => {
      const [found] = runCase(session, graph.inputs, fetches);
      found.forEach((output, index) => {
        output.forEach((value, at) => {
          const wanted = expected[index]![at]!;
          if (Math.abs(wanted) > SMALLEST_NORMAL) expect(value).toBe(wanted);
          else expect(Math.abs(value)).toBeLessThan(SMALLEST_NORMAL);
        });
      });
    });
  });
}
