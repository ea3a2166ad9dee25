// What every engine must do: the ops' results against the float64 reference, effects on variables, and what sessions promise.
import { describe, expect, test } from "vitest";
import type { Engine, Feed, Session } from "../../src/shared/engine/engine.js";
import { GraphBuilder, type StepOp } from "../../src/shared/graph/builder.js";
import { cutGraph } from "../../src/shared/graph/cut.js";
import type { Graph, Value } from "../../src/shared/graph/graph.js";
import { sizeOf } from "../../src/shared/network/network.js";
import { referenceEngine } from "../support/reference-engine.js";
import { randomLabels, randomValues } from "../support/reference/random-values.js";
import { CaseGraph, type Input, OP_CASES } from "./op-cases.js";

export interface Subject {
  name: string;
  open: () => Engine;
  /** How many tensors the engine holds. */
  countTensors: () => number;
}

/** Engines may treat denormal numbers as 0. */
const SMALLEST_NORMAL = 2 ** -126;

export function describeConformance({ name, open, countTensors }: Subject): void {
  /** The session is closed at the end. */
  function withSession<T>(graph: Graph, body: (session: Session) => T): T {
    const session = open().open(graph);
    try {
      return body(session);
    } finally {
      session.dispose();
    }
  }

  describe(`${name}: ops`, () => {
    for (const [kind, cases] of Object.entries(OP_CASES)) {
      test.each(cases)(`${kind}: $name`, ({ build, tolerance }) => {
        const graph = new CaseGraph();
        const fetches = build(graph);
        const [expected] = runCase(referenceEngine.open(graph), graph.inputs, fetches);
        const samples = graph.inputs.find(({ value }) => value.shape[0] === -1)?.shape[0];
        withSession(graph, (session) => {
          const [first, shapes] = runCase(session, graph.inputs, fetches);
          fetches.forEach(({ shape }, index) => {
            // The inferred shapes are what the engine computes.
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
      withSession(graph, (session) => {
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
  });

  describe(`${name}: effects`, () => {
    test.each<StepOp>([
      { kind: "sgd-step", variable: "theta" },
      { kind: "momentum-step", variable: "theta", accumulator: "a", momentum: 0.9 },
      {
        kind: "adam-step",
        variable: "theta",
        m: "a",
        v: "b",
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
      },
      { kind: "rmsprop-step", variable: "theta", meanSquare: "a", rho: 0.9, epsilon: 1e-7 },
    ])("$kind, three times", (op) => {
      const graph = new GraphBuilder();
      const shape = [5, 7];
      for (const variable of ["theta", "a", "b"]) graph.variable(variable, shape);
      const [gradient, rate] = [
        graph.placeholder("gradient", shape),
        graph.placeholder("rate", []),
      ];
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
        return readAll(session, { theta: 35, a: 35, b: 35 });
      };
      const expected = take(referenceEngine.open(graph));
      const found = withSession(graph, take);
      // An engine may take 1 − β of float32(β): 1 − 0.999 is then wrong by 1.3e-5 of itself.
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
      const second = graph.step({ kind: "sgd-step", variable: "theta" }, gradient, rate, [first]);
      const third = graph.scaleVariable("theta", half, [second]);
      withSession(graph, (session) => {
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
      withSession(graph, (session) => {
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
  });

  describe(`${name}: sessions`, () => {
    const large = [450, 301];

    test("variables start at zero, and are written and read, large ones too", () => {
      const graph = new GraphBuilder();
      graph.variable("large", large);
      graph.variable("scalar", []);
      graph.variable("untouched", [2, 2]);
      const lengths = { large: sizeOf(large), scalar: 1, untouched: 4 };
      withSession(graph, (session) => {
        expect(readAll(session, lengths).every((values) => values.every((x) => x === 0))).toBe(
          true,
        );
        const [memory] = session.allocate([sizeOf(large)]);
        const values = randomValues(large, "large");
        memory!.set(values);
        session.write([
          { name: "large", values: memory! },
          { name: "scalar", values: Float32Array.of(3) },
        ]);
        // A variable's memory is its own.
        memory!.fill(7);
        const [found, ...small] = readAll(session, lengths);
        expect(found!.every((value, at) => value === values[at])).toBe(true);
        expect(small).toEqual([Float32Array.of(3), new Float32Array(4)]);
      });
    });

    test("lengths and names that are not a variable's are refused, and change nothing", () => {
      const graph = new GraphBuilder();
      graph.variable("theta", [3]);
      withSession(graph, (session) => {
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
      withSession(graph, (session) => {
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
        // Tensors that are kept outlive scopes.
        session.scope((scope) => expect(scope.floats(kept)).toEqual(Float32Array.of(1, 0, 0, 1)));
        session.free(kept);
        expect(readAll(session, { theta: 4 })).toEqual([new Float32Array(4)]);
      });
    });

    test("cut into runs, a training pass gives the bits of one run; the number of tensors does not grow", () => {
      const { graph, feeds, groups } = trainingPass();
      const whole = { feeds: [...feeds.keys()], fetches: groups.flat() };
      withSession(graph, (session) => {
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
      expect(countTensors()).toBe(withSession(graph, () => countTensors()));
    });
  });
}

function runCase(
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

function readAll(session: Session, lengths: Readonly<Record<string, number>>): Float32Array[] {
  const targets = Object.entries(lengths).map(([name, length]) => ({
    name,
    into: new Float32Array(length).fill(NaN),
  }));
  session.read(targets);
  return targets.map(({ into }) => into);
}

/** @param tolerance as a part of the largest expected value */
function expectClose(found: Float32Array, expected: Float32Array, tolerance: number): void {
  expect(found.length).toBe(expected.length);
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  found.forEach((value, at) => {
    const error = Math.abs(value - expected[at]!);
    if (error > tolerance * scale + SMALLEST_NORMAL || Number.isNaN(value)) {
      expect.fail(`value ${at} is ${value}, not ${expected[at]!}: ${error / scale} of ${scale}`);
    }
  });
}

/** A small network with batch normalisation, forward and backward; the later layers' gradients first. */
function trainingPass() {
  const graph = new GraphBuilder();
  const samples = 5;
  const x = graph.placeholder("images", [-1, 8, 8, 2]);
  const labels = graph.placeholder("labels", [-1], "int32");
  const [kernel, dense] = [
    graph.constant("kernel", [3, 3, 2, 4], randomValues([3, 3, 2, 4], "kernel")),
    graph.constant("dense", [64, 3], randomValues([64, 3], "dense")),
  ];
  const [scale, beta] = [
    graph.constant("scale", [4], randomValues([4], "scale")),
    graph.constant("beta", [4], randomValues([4], "beta")),
  ];
  const window = { size: [2, 2], strides: [2, 2], padding: "same" } as const;
  const sliding = { size: [3, 3], strides: [1, 1], padding: "same" } as const;
  const convolution = graph.conv2d(x, kernel, sliding);
  const moments = graph.moments(convolution);
  const normalised = graph.normalise(convolution, moments, scale, beta, 1e-5);
  const active = graph.activation(normalised, "relu");
  const pooled = graph.maxPool(active, window);
  const rows = graph.reshape(pooled.y, [64]);
  const logits = graph.matMul(rows, dense);
  const loss = graph.loss(logits, labels, { kind: "softmax-cross-entropy", labelSmoothing: 0 });
  const dDense = graph.matMul(rows, loss.gradient, { transposeA: true });
  const dRows = graph.matMul(loss.gradient, dense, { transposeB: true });
  const dActive = graph.maxPoolGradient(active, pooled, graph.reshape(dRows, [4, 4, 4]), window);
  const dNormalised = graph.activationGradient(dActive, normalised, active, "relu");
  const batchNorm = graph.batchNormGradient(dNormalised, convolution, moments, scale, 1e-5);
  const dKernel = graph.conv2dKernelGradient(x, batchNorm.dx, sliding);
  const images = [samples, 8, 8, 2];
  const feeds = new Map<Value, { shape: number[]; values: Float32Array | Int32Array }>([
    [x, { shape: images, values: randomValues(images, "images") }],
    [labels, { shape: [samples], values: randomLabels(samples, 3, "labels") }],
  ]);
  const groups = [
    [loss.losses, moments.mean, moments.variance, dDense],
    [batchNorm.dScale, batchNorm.dBeta],
    [dKernel, moments.mean],
  ];
  return { graph, feeds, groups };
}
