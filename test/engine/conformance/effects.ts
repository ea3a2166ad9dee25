// Ops that change variables.
import { expect, test } from "vitest";
import type { Feed, Session } from "../../../src/shared/engine/engine.js";
import { GraphBuilder } from "../../../src/shared/graph/builder.js";
import type { StepRule } from "../../../src/shared/optimizer/optimizer.js";
import { slotNames } from "../../../src/shared/optimizer/slots.js";
import { sgdStep } from "../../support/steps.js";
import { referenceEngine } from "../../support/reference-engine.js";
import { randomValues } from "../../support/reference/random-values.js";
import type { Subject } from "./subject.js";
import { expectClose, readAll, withSession } from "./support.js";

export function testEffects({ open }: Subject): void {
  test.each<StepRule>([
    { kind: "sgd" },
    { kind: "momentum", momentum: 0.9 },
    { kind: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    { kind: "rmsprop", rho: 0.9, epsilon: 1e-7 },
  ])("$kind, three times", (rule) => {
    const slots = slotNames(rule);
    const graph = new GraphBuilder();
    const shape = [5, 7];
    for (const variable of ["theta", ...slots]) graph.variable(variable, shape);
    const [gradient, rate] = [graph.placeholder("gradient", shape), graph.placeholder("rate", [])];
    const op = { kind: "optimizer-step", variable: "theta", slots, rule } as const;
    const step = graph.step(op, gradient, rate);
    const take = (session: Session) => {
      session.write([{ name: "theta", values: randomValues(shape, "theta") }]);
      for (let number = 1; number <= 3; number++) {
        session.scope((scope) => {
          const values = randomValues(shape, `gradient${number}`);
          const feeds: Feed[] = [
            [gradient, scope.tensor(shape, values)],
            [rate, scope.tensor([], Float32Array.of(0.1 / number))],
          ];
          scope.run(feeds, [step]);
        });
      }
      return readAll(session, Object.fromEntries(["theta", ...slots].map((name) => [name, 35])));
    };
    const expected = take(referenceEngine.open(graph));
    const found = withSession(open(), graph, take);
    // An engine may compute 1 − β from float32(β): 1 − 0.999 then has a relative error of 1.3e-5.
    found.forEach((values, index) => expectClose(values, expected[index]!, 2e-5));
  });

  test("effects on one variable happen in their order", () => {
    const graph = new GraphBuilder();
    graph.variable("theta", [3]);
    const gradient = graph.constant("gradient", [3], Float32Array.of(1, 2, 3));
    const [rate, half] = [
      graph.constant("rate", [], Float32Array.of(1)),
      graph.constant("half", [], Float32Array.of(0.5)),
    ];
    const first = graph.scaleVariable("theta", half);
    const second = graph.step(sgdStep("theta"), gradient, rate, [first]);
    const third = graph.scaleVariable("theta", half, [second]);
    withSession(open(), graph, (session) => {
      session.write([{ name: "theta", values: Float32Array.of(8, 8, 8) }]);
      session.scope((scope) => scope.run([], [third]));
      expect(readAll(session, { theta: 3 })).toEqual([Float32Array.of(1.5, 1, 0.5)]);
      session.scope((scope) => scope.run([], [first]));
      expect(readAll(session, { theta: 3 })).toEqual([Float32Array.of(0.75, 0.5, 0.25)]);
    });
  });

  test("what was fetched of a variable before an effect stays as it was", () => {
    const graph = new GraphBuilder();
    const theta = graph.variable("theta", [3]);
    const half = graph.constant("half", [], Float32Array.of(0.5));
    const scaled = graph.scaleVariable("theta", half);
    withSession(open(), graph, (session) => {
      session.write([{ name: "theta", values: Float32Array.of(2, 4, 6) }]);
      session.scope((scope) => {
        const [before] = scope.run([], [theta]);
        scope.run([], [scaled]);
        const [after] = scope.run([], [theta]);
        expect(scope.floats(before!)).toEqual(Float32Array.of(2, 4, 6));
        expect(scope.floats(after!)).toEqual(Float32Array.of(1, 2, 3));
      });
    });
  });
}
