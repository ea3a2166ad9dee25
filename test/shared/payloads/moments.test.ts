// On the wire: tasks and answers for the statistics of the whole training set.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readAnswer } from "../../../src/coordinator/workers/checked-answer.js";
import type { MomentsTask } from "../../../src/coordinator/workers/tasks.js";
import { sampleShapeOf } from "../../../src/shared/config.js";
import { sizeOf, trainedStatistics } from "../../../src/shared/network/network.js";
import { FrameError } from "../../../src/shared/protocol/frame.js";
import {
  evaluationTaskParts,
  momentsParts,
  momentsTaskParts,
  readEvaluationTask,
  readMoments,
  readMomentsTask,
} from "../../../src/shared/protocol/payloads/moments.js";
import { sampleBytes } from "../../../src/shared/protocol/payloads/samples.js";
import { maxMessageBytes } from "../../../src/worker/limits.js";
import {
  asReceived,
  classesLayout as layout,
  statisticsOf,
  wrongParts,
} from "../../support/small-layouts.js";

const COUNT = 3;
const LAST_PASS = layout.populationPasses.length - 1;
const samples = {
  count: COUNT,
  inputs: new Uint8Array(COUNT * sizeOf(layout.network.inputShape)).fill(7),
  targets: Int32Array.from({ length: COUNT }, () => 1),
};

/** Values that pass all checks. */
const statistics = statisticsOf(layout).map(
  (layers) =>
    new Map(
      [...layers].map(([name, { mean, variance }]) => [
        name,
        { mean: mean.map(bounded), variance: variance.map((value) => Math.abs(bounded(value))) },
      ]),
    ),
);

function bounded(value: number): number {
  return Number.isFinite(value) ? Math.max(-1e6, Math.min(1e6, value)) : 0;
}

const known = fc.sample(statistics, 1)[0]!;

test("the small network has two passes", () => {
  expect(layout.populationPasses.map((pass) => pass.map(({ name }) => name))).toEqual([
    ["conv/bn"],
    ["fc1/bn"],
  ]);
});

describe("a task", () => {
  test("comes back with the statistics of the passes before it, and no others", () => {
    fc.assert(
      fc.property(statistics, fc.nat({ max: LAST_PASS }), (all, pass) => {
        const parts = asReceived(momentsTaskParts(layout, { pass, samples, known: all }));
        const task = readMomentsTask(layout, { pass, count: COUNT }, parts);
        const before = layout.populationPasses.slice(0, pass).flat();
        expect(task.samples).toEqual(samples);
        expect(task.known).toEqual(new Map(before.map(({ name }) => [name, all.get(name)])));
      }),
    );
  });

  test("of an evaluation comes back with those of all layers that are trained", () => {
    fc.assert(
      fc.property(statistics, (all) => {
        const parts = asReceived(evaluationTaskParts(layout, samples, all));
        expect(readEvaluationTask(layout, COUNT, parts)).toEqual({ samples, known: all });
      }),
    );
  });

  const parts = asReceived(momentsTaskParts(layout, { pass: LAST_PASS, samples, known }));

  test.each(wrongParts(parts))("with %s is refused", (_what, wrong) => {
    const message = { pass: LAST_PASS, count: COUNT };
    expect(() => readMomentsTask(layout, message, wrong)).toThrow(FrameError);
  });

  test.each([LAST_PASS + 1, Number.MAX_SAFE_INTEGER])("of pass %i is refused", (pass) => {
    expect(() => readMomentsTask(layout, { pass, count: COUNT }, parts)).toThrow(/^no pass /);
  });

  test.each([
    ["a negative variance", (own: Own) => ({ ...own, variance: own.variance.with(0, -1) })],
    ["a mean that is not a number", (own: Own) => ({ ...own, mean: own.mean.with(0, NaN) })],
  ])("with %s is refused", (_what, spoil) => {
    const [first] = layout.populationPasses[0]!;
    const spoiled = new Map<string, Own>(known).set(first!.name, spoil(known.get(first!.name)!));
    const wrong = asReceived(momentsTaskParts(layout, { pass: 1, samples, known: spoiled }));
    expect(() => readMomentsTask(layout, { pass: 1, count: COUNT }, wrong)).toThrow(FrameError);
  });

  test("is within what a worker accepts", () => {
    const bytes = parts.reduce((total, { byteLength }) => total + byteLength, 0);
    expect(bytes).toBeGreaterThan(sampleBytes(sampleShapeOf(layout.config), COUNT));
    expect(bytes).toBeLessThan(maxMessageBytes(layout));
  });
});

type Own = { mean: Float32Array; variance: Float32Array };

describe("an answer", () => {
  const task: MomentsTask = { kind: "moments", id: 1, step: 4, pass: 1, known, samples };
  const computed = { from: 0, to: 1 };
  const message = { type: "measured", task: 1, computed } as const;
  const nothing = { bucketCount: 0, barrierCount: 0, gradients: new Map() };
  const [layer] = layout.populationPasses[1]!;
  const momentsWith = (own: Own) => new Map([[layer!.name, { count: 1, ...own }]]);
  const partsWith = (own: Own) => asReceived(momentsParts(layout, 1, momentsWith(own)));
  const right = partsWith(known.get(layer!.name)!);

  test("comes back as it was, with the count that follows from the task", () => {
    const own = known.get(layer!.name)!;
    const count = COUNT * layer!.valuesPerSample;
    const result = new Map([[layer!.name, { count, ...own }]]);
    expect(readAnswer(task, message, nothing, right, layout)).toEqual({ kind: "moments", result });
  });

  test.each(wrongParts(right))("with %s is refused", (_what, wrong) => {
    expect(() => readMoments(layout, 1, COUNT, wrong)).toThrow(FrameError);
  });

  test("to another pass is refused, where its layers have other channels", () => {
    const other = asReceived(momentsParts(layout, 0, trained(known)));
    expect(() => readAnswer(task, message, nothing, other, layout)).toThrow(FrameError);
  });

  test.each([
    ["a negative variance", (own: Own) => ({ ...own, variance: own.variance.with(0, -1e-9) })],
    ["an infinite mean", (own: Own) => ({ ...own, mean: own.mean.with(0, Infinity) })],
    [
      "a variance that is not a number",
      (own: Own) => ({ ...own, variance: own.variance.with(0, NaN) }),
    ],
    ["a mean beyond 1e18", (own: Own) => ({ ...own, mean: own.mean.with(0, 2e18) })],
  ])("with %s is unusable", (_what, spoil) => {
    const parts = partsWith(spoil(known.get(layer!.name)!));
    expect(() => readAnswer(task, message, nothing, parts, layout)).toThrow(FrameError);
  });

  test("of another kind is refused", () => {
    const evaluated = { type: "evaluated", task: 1, lossSum: 0, computed } as const;
    expect(() => readAnswer(task, evaluated, nothing, right, layout)).toThrow(
      /does not match (its|their) task/,
    );
    const evaluation = { kind: "evaluate", id: 1, step: 4, samples } as const;
    expect(() => readAnswer(evaluation, message, nothing, right, layout)).toThrow(
      /does not match (its|their) task/,
    );
  });
});

function trained(values: ReadonlyMap<string, Own>) {
  return new Map(
    trainedStatistics(layout.network).map(({ name }) => [name, { count: 1, ...values.get(name)! }]),
  );
}
