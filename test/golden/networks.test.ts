// Six networks, three steps with each of six optimizers, against networks.json: what networks.py worked out in float64 with
// code of its own, from the seed on.
import { describe, expect, test } from "vitest";
import type { Engine } from "../../src/shared/engine/engine.js";
import { openEngine } from "../../src/shared/engine/open-engine.js";
import { openWasmInNode } from "../../src/shared/engine/wasm/node.js";
import { initialTensors } from "../../src/shared/network/initial-values.js";
import { sizeOf } from "../../src/shared/network/network.js";
import { hasTensorFlow } from "../support/engines.js";
import { referenceEngine } from "../support/reference-engine.js";
import {
  expectClose,
  expectSameChange,
  golden,
  type GoldenCase,
  type GoldenRun,
  networkOf,
  sampledValues,
} from "./fixture.js";
import { trainCase } from "./training.js";

interface Tolerances {
  /** Relative to the largest value of a tensor. */
  gradient: number;
  /** Relative to the largest change of a tensor. */
  change: number;
}

const FLOAT32: Tolerances = { gradient: 1e-4, change: 1e-4 };
const FLOAT64: Tolerances = { gradient: 1e-6, change: 1e-6 };

/** These divide by the size of the gradient: where it is near zero, its rounding decides the size of the step. */
const ADAPTIVE = new Set(["adam", "rmsprop"]);

const engines: Record<string, () => Engine> = {
  wasm: openWasmInNode,
  ...(hasTensorFlow ? { tensorflow: () => openEngine({ name: "tensorflow", threads: 1 }) } : {}),
};

describe.each(golden.cases)("$name", (goldenCase) => {
  test("starts from the same weights", () => {
    const initial = initialTensors(networkOf(goldenCase), golden.seed);
    const found = new Map(initial.map((tensor) => [tensor.name, tensor]));
    for (const [name, [, ...values]] of Object.entries(goldenCase.initial)) {
      expect(found.get(name)?.shape, name).toEqual(goldenCase.shapes[name]);
      expect(sampledValues(found.get(name)!.values), name).toEqual(values.map(Math.fround));
    }
    const parameters = initial.filter(({ name }) => !/\/pop_(mean|var)$/.test(name));
    expect(parameters.map(({ name }) => name).sort()).toEqual(
      Object.keys(goldenCase.initial).sort(),
    );
  });

  const runs = Object.keys(engines).flatMap((engine) =>
    goldenCase.runs.map((run) => ({ engine, name: run.name, run })),
  );
  test.each(runs)("takes the same steps with $name on $engine", ({ engine, run }) => {
    checkRun(engines[engine]!(), goldenCase, run, {
      ...FLOAT32,
      change: ADAPTIVE.has(run.optimizer.kind) ? 5e-3 : FLOAT32.change,
    });
  });

  // In float64 there is less rounding to allow for. The reference engine is slow: networks with few weights only.
  const weightCount = Object.values(goldenCase.shapes).reduce(
    (sum, shape) => sum + sizeOf(shape),
    0,
  );
  if (weightCount < 50_000) {
    const [run] = goldenCase.runs;
    test(`takes the same steps with ${run!.name} in float64`, () => {
      checkRun(referenceEngine, goldenCase, run!, FLOAT64);
    });
  }
});

function checkRun(
  engine: Pick<Engine, "open">,
  goldenCase: GoldenCase,
  run: GoldenRun,
  tolerances: Tolerances,
): void {
  const { optimizer, learningRate } = run;
  const steps = trainCase(engine, goldenCase, optimizer, learningRate, golden.steps);
  for (const [name, sample] of Object.entries(goldenCase.gradients)) {
    expectClose(`gradient of ${name}`, steps[0]!.gradients.get(name)!, sample, tolerances.gradient);
  }
  run.steps.forEach((expected, index) => {
    const found = steps[index]!;
    const at = (name: string) => `${name} in step ${index + 1}`;
    expect(Math.abs(found.loss / expected.loss - 1), at("loss")).toBeLessThan(tolerances.change);
    for (const [name, [mean, variance]] of Object.entries(expected.moments)) {
      const moments = found.moments.get(name)!;
      expectClose(at(`mean of ${name}`), moments.mean, mean, tolerances.change);
      expectClose(at(`variance of ${name}`), moments.variance, variance, tolerances.change);
    }
    for (const [name, [mean, variance]] of Object.entries(expected.population)) {
      const population = found.population.get(name)!;
      expectClose(at(`pop_mean of ${name}`), population.mean, mean, tolerances.change);
      expectClose(at(`pop_var of ${name}`), population.variance, variance, tolerances.change);
    }
    for (const [name, sample] of Object.entries(expected.parameters)) {
      const start = goldenCase.initial[name]!;
      const values = found.parameters.get(name)!;
      expectSameChange(at(name), values, sample, start, tolerances.change);
    }
  });
}
