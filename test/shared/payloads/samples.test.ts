// Samples and predictions on the wire, for runs with classes and with values.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sampleShapeOf } from "../../../src/shared/config.js";
import { sizeOf } from "../../../src/shared/network/network.js";
import { FrameError } from "../../../src/shared/protocol/frame.js";
import {
  evaluationBytes,
  evaluationParts,
  readEvaluation,
} from "../../../src/shared/protocol/payloads/evaluation.js";
import {
  readSamples,
  sampleBytes,
  sampleParts,
} from "../../../src/shared/protocol/payloads/samples.js";
import type { RunLayout } from "../../../src/shared/run-layout.js";
import {
  asReceived,
  classesLayout,
  floats,
  valuesLayout,
  wrongParts,
} from "../../support/small-layouts.js";

const COUNT = 3;

function targetsOf({ config }: RunLayout): fc.Arbitrary<Int32Array | Float32Array> {
  const { target } = config.data;
  if (target.kind === "values") return floats(COUNT * target.count);
  return fc.int32Array({ min: 0, max: target.count - 1, minLength: COUNT, maxLength: COUNT });
}

function inputsOf({ config, network }: RunLayout): fc.Arbitrary<Uint8Array | Float32Array> {
  const length = COUNT * sizeOf(network.inputShape);
  if (config.data.inputType === "float32") return floats(length);
  return fc.uint8Array({ minLength: length, maxLength: length });
}

const byteLengthOf = (parts: readonly ArrayBufferView[]) =>
  parts.reduce((total, { byteLength }) => total + byteLength, 0);

describe.each([
  ["classes", classesLayout],
  ["values", valuesLayout],
] as const)("with %s as targets,", (_kind, layout) => {
  const shape = sampleShapeOf(layout.config);

  test("samples come back as they were", () => {
    fc.assert(
      fc.property(inputsOf(layout), targetsOf(layout), (inputs, targets) => {
        const samples = { count: COUNT, inputs, targets };
        const parts = asReceived(sampleParts(samples));
        expect(readSamples(shape, COUNT, parts)).toEqual(samples);
        expect(byteLengthOf(parts)).toBe(sampleBytes(shape, COUNT));
      }),
    );
  });

  test("samples of another count or length are refused", () => {
    const inputs = inputsOf(layout);
    const [first] = fc.sample(fc.record({ inputs, targets: targetsOf(layout) }), 1);
    const parts = asReceived(sampleParts({ count: COUNT, ...first! }));
    for (const [what, wrong] of wrongParts(parts)) {
      expect(() => readSamples(shape, COUNT, wrong), what).toThrow(FrameError);
    }
    for (const count of [0, COUNT - 1, COUNT + 1, 2 ** 40]) {
      expect(() => readSamples(shape, count, parts), String(count)).toThrow(FrameError);
    }
  });

  test("predictions come back, and of another count are refused", () => {
    fc.assert(
      fc.property(targetsOf(layout), fc.double({ noNaN: true }), (predictions, lossSum) => {
        const parts = asReceived(evaluationParts({ predictions, lossSum }));
        expect(readEvaluation(layout, COUNT, lossSum, parts)).toEqual({ predictions, lossSum });
        expect(byteLengthOf(parts)).toBe(evaluationBytes(layout, COUNT));
        for (const [what, wrong] of wrongParts(parts)) {
          expect(() => readEvaluation(layout, COUNT, lossSum, wrong), what).toThrow(FrameError);
        }
      }),
      { numRuns: 20 },
    );
  });
});

test.each([-1, 3, 2 ** 31 - 1])(
  "class %i of three, as label or prediction, is refused",
  (label) => {
    const targets = Int32Array.of(0, label, 2);
    const inputs = new Uint8Array(COUNT * 4);
    const parts = asReceived(sampleParts({ count: COUNT, inputs, targets }));
    const shape = sampleShapeOf(classesLayout.config);
    expect(() => readSamples(shape, COUNT, parts)).toThrow("a label does not exist");
    const predictions = asReceived([targets]);
    expect(() => readEvaluation(classesLayout, COUNT, 0, predictions)).toThrow(FrameError);
  },
);

test.each([NaN, Infinity, -Infinity])("%d, as input, target or prediction, is refused", (value) => {
  const shape = sampleShapeOf(valuesLayout.config);
  const [inputs, targets] = [new Float32Array(COUNT * 4), new Float32Array(COUNT * 2)];
  const read = () => {
    readSamples(shape, COUNT, asReceived(sampleParts({ count: COUNT, inputs, targets })));
  };
  expect(read).not.toThrow();
  inputs[1] = value;
  expect(read).toThrow("an input is not finite");
  inputs[1] = 0;
  targets[1] = value;
  expect(read).toThrow("a target is not finite");
  expect(() => readEvaluation(valuesLayout, COUNT, 0, asReceived([targets]))).toThrow(FrameError);
});
