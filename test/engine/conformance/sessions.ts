// What sessions guarantee besides the results of ops.
import { expect, test } from "vitest";
import type { Feed } from "../../../src/shared/engine/engine.js";
import { GraphBuilder } from "../../../src/shared/graph/builder.js";
import { cutGraph } from "../../../src/shared/graph/cut.js";
import type { Value } from "../../../src/shared/graph/graph.js";
import { sizeOf } from "../../../src/shared/network/network.js";
import { randomValues } from "../../support/reference/random-values.js";
import type { Subject } from "./subject.js";
import { readAll, withSession } from "./support.js";
import { trainingPass } from "./training-pass.js";

export function testSessions({ open, countTensors }: Subject): void {
  const large = [450, 301];

  test("variables start at zero, and are written and read, large ones too", () => {
    const graph = new GraphBuilder();
    graph.variable("large", large);
    graph.variable("scalar", []);
    graph.variable("untouched", [2, 2]);
    const lengths = { large: sizeOf(large), scalar: 1, untouched: 4 };
    withSession(open(), graph, (session) => {
      expect(readAll(session, lengths).every((values) => values.every((x) => x === 0))).toBe(true);
      const [memory] = session.allocate([sizeOf(large)]);
      const values = randomValues(large, "large");
      memory!.set(values);
      session.write([
        { name: "large", values: memory! },
        { name: "scalar", values: Float32Array.of(3) },
      ]);
      // A variable does not share its memory.
      memory!.fill(7);
      const [found, ...small] = readAll(session, lengths);
      expect(found!.every((value, at) => value === values[at])).toBe(true);
      expect(small).toEqual([Float32Array.of(3), new Float32Array(4)]);
    });
  });

  test("lengths and names that are not a variable's are refused, and change nothing", () => {
    const graph = new GraphBuilder();
    graph.variable("theta", [3]);
    withSession(open(), graph, (session) => {
      const wrong = { name: "theta", values: new Float32Array(4) };
      const right = { name: "theta", values: Float32Array.of(1, 2, 3) };
      expect(() => session.write([right, wrong])).toThrow(RangeError);
      expect(() => session.write([right, { ...right, name: "other" }])).toThrow(RangeError);
      expect(() => session.read([{ name: "theta", into: new Float32Array(2) }])).toThrow(
        RangeError,
      );
      expect(readAll(session, { theta: 3 })).toEqual([new Float32Array(3)]);
      session.write([]);
      session.read([]);
    });
  });

  test("a value that is fed is not computed: variables, intermediate values, and fetches", () => {
    const graph = new GraphBuilder();
    const x = graph.placeholder("x", [-1, 2]);
    const theta = graph.variable("theta", [2, 2]);
    const product = graph.matMul(x, theta);
    const sum = graph.addTensors(product, product);
    withSession(open(), graph, (session) => {
      const kept = session.keep([2, 2], Float32Array.of(1, 0, 0, 1));
      session.scope((scope) => {
        const row = scope.tensor([1, 2], Float32Array.of(3, 4));
        const [ofVariable] = scope.run(
          [
            [x, row],
            [theta, kept],
          ],
          [sum],
        );
        expect(scope.floats(ofVariable!)).toEqual(Float32Array.of(6, 8));
        const [ofProduct, fed] = scope.run([[product, row]], [sum, product]);
        expect(scope.floats(ofProduct!)).toEqual(Float32Array.of(6, 8));
        expect(scope.floats(fed!)).toEqual(Float32Array.of(3, 4));
      });
      // Kept tensors outlive scopes.
      session.scope((scope) => expect(scope.floats(kept)).toEqual(Float32Array.of(1, 0, 0, 1)));
      session.free(kept);
      expect(readAll(session, { theta: 4 })).toEqual([new Float32Array(4)]);
    });
  });

  test("scopes that are open at once run in turn with the bits of one alone, and free their tensors when closed", () => {
    const { graph, feeds, groups } = trainingPass();
    const runs = cutGraph(graph, groups);
    withSession(open(), graph, (session) => {
      const begin = (sign: number) => {
        const scope = session.openScope();
        const tensors = new Map(
          [...feeds].map(([value, { shape, values }]) => [
            value,
            scope.tensor(shape, value.type === "float32" ? values.map((x) => sign * x) : values),
          ]),
        );
        const next = ({ feeds: fed, fetches }: (typeof runs)[number]) => {
          const found = scope.run(
            fed.map((value): Feed => [value, tensors.get(value)!]),
            fetches,
          );
          fetches.forEach((value, index) => tensors.set(value, found[index]!));
        };
        const read = () => groups.flat().map((value) => scope.floats(tensors.get(value)!));
        return { scope, next, read };
      };
      const computeAlone = (sign: number) => {
        const pass = begin(sign);
        runs.forEach(pass.next);
        const found = pass.read();
        pass.scope.close();
        return found;
      };
      const expected = [computeAlone(1), computeAlone(-1)];
      expect(expected[0]).not.toEqual(expected[1]);
      const before = countTensors();
      const [first, second, third] = [begin(1), begin(-1), begin(1)];
      for (const run of runs) for (const pass of [second, first, third]) pass.next(run);
      expect(countTensors()).toBeGreaterThan(before);
      third.scope.close();
      expect([first.read(), second.read()]).toEqual(expected);
      first.scope.close();
      // The others stay as they are.
      expect(second.read()).toEqual(expected[1]);
      second.scope.close();
      second.scope.close();
      expect(countTensors()).toBe(before);
    });
  });

  test("cut into runs, a training pass gives the bits of one run; the number of tensors does not grow", () => {
    const { graph, feeds, groups } = trainingPass();
    const whole = { feeds: [...feeds.keys()], fetches: groups.flat() };
    withSession(open(), graph, (session) => {
      const compute = (runs: readonly { feeds: readonly Value[]; fetches: readonly Value[] }[]) =>
        session.scope((scope) => {
          const tensors = new Map(
            [...feeds].map(([value, { shape, values }]) => [value, scope.tensor(shape, values)]),
          );
          for (const run of runs) {
            const fed = run.feeds.map((value): Feed => [value, tensors.get(value)!]);
            const fetched = scope.run(fed, run.fetches);
            run.fetches.forEach((value, index) => tensors.set(value, fetched[index]!));
          }
          return groups.flat().map((value) => scope.floats(tensors.get(value)!));
        });
      const expected = compute([whole]);
      const count = countTensors();
      expect(compute(cutGraph(graph, groups))).toEqual(expected);
      expect(compute(cutGraph(graph, groups))).toEqual(expected);
      expect(compute([whole])).toEqual(expected);
      expect(() => session.scope((scope) => scope.run([], [groups[0]![0]!]))).toThrow();
      expect(countTensors()).toBe(count);
    });
    expect(countTensors()).toBe(withSession(open(), graph, () => countTensors()));
  });
}
