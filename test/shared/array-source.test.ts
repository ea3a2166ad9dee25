// Arrays as data: what is accepted, how they are described, and what is refused by name.
import { describe, expect, test } from "vitest";
import { type ArrayDataOptions, arraySource } from "../../src/shared/data/array-source.js";
import { TandemError } from "../../src/shared/errors.js";

const TABLE: ArrayDataOptions = {
  inputShape: [2],
  inputs: Float32Array.of(1, 2, 3, 4, 5, 6),
  targets: Float32Array.of(10, 20, 30),
  test: { inputs: Float32Array.of(7, 8), targets: Float32Array.of(40) },
};
const IMAGES: ArrayDataOptions = {
  inputShape: [1, 2, 1],
  inputs: Uint8Array.of(1, 2, 3, 4, 5, 6),
  targets: [2, 0, 1],
  test: { inputs: Uint8Array.of(7, 8), targets: [1] },
};

test("values: float32 inputs and targets, the first of them held out", async () => {
  const data = arraySource({ ...TABLE, validationSize: 1 });
  expect(data).toMatchObject({
    inputShape: [2],
    inputType: "float32",
    target: { kind: "values", count: 1 },
  });
  expect([data.training.count, data.validation.count, data.test.count]).toEqual([2, 1, 1]);
  expect(await data.training.gather(Uint32Array.of(1, 0))).toEqual({
    count: 2,
    inputs: Float32Array.of(5, 6, 3, 4),
    targets: Float32Array.of(30, 20),
  });
});

test("classes: bytes, also in a Buffer, and class numbers of any kind", async () => {
  const data = arraySource(IMAGES);
  expect(data.inputType).toBe("uint8");
  expect(data.target).toEqual({ kind: "classes", count: 3 });
  const samples = { count: 1, inputs: Uint8Array.of(3, 4), targets: Int32Array.of(0) };
  expect(await data.training.gather(Uint32Array.of(1))).toEqual(samples);
  const others = arraySource({
    ...IMAGES,
    inputs: Buffer.from([1, 2, 3, 4, 5, 6]),
    targets: Int32Array.of(2, 0, 1),
  });
  expect(others.digest).toBe(data.digest);
  expect(await others.training.gather(Uint32Array.of(1))).toEqual(samples);
});

test("more classes than the labels have, several targets, names of classes", () => {
  expect(arraySource({ ...IMAGES, classes: 5 }).target.count).toBe(5);
  const targets = Float32Array.of(1, 2, 3, 4, 5, 6);
  const test = { ...TABLE.test, targets: Float32Array.of(1, 2) };
  expect(arraySource({ ...TABLE, targets, test }).target.count).toBe(2);
  expect(arraySource({ ...TABLE, targets, test, targetSize: 2 }).target.count).toBe(2);
  const classNames = ["a", "b", "c"];
  expect(arraySource({ ...IMAGES, classNames }).classNames).toEqual(classNames);
});

test("the digest changes with every value, with shapes and with types, and with nothing else", () => {
  const digests = [
    TABLE,
    { ...TABLE, inputs: Float32Array.of(1, 2, 3, 4, 5, 7) },
    { ...TABLE, targets: Float32Array.of(10, 20, 31) },
    { ...TABLE, test: { inputs: Float32Array.of(7, 9), targets: Float32Array.of(40) } },
    IMAGES,
    { ...IMAGES, classes: 4 },
    { ...IMAGES, inputShape: [2, 1, 1] },
    {
      ...IMAGES,
      inputs: Float32Array.from(IMAGES.inputs),
      test: { inputs: Float32Array.of(7, 8), targets: [1] },
    },
  ].map((options) => arraySource(options).digest);
  expect(new Set(digests).size).toBe(digests.length);
  expect(arraySource({ ...TABLE, validationSize: 2 }).digest).toBe(digests[0]);
});

describe("is refused", () => {
  const nan = Float32Array.of(1, 2, 3, 4, 5, Number.NaN);
  const cases: [string, ArrayDataOptions, RegExp][] = [
    ["a shape of nothing", { ...TABLE, inputShape: [] }, /inputShape: \[\]/],
    ["a broken shape", { ...TABLE, inputShape: [1.5] }, /inputShape: \[1\.5\]/],
    ["no samples", { ...TABLE, inputs: new Float32Array(0) }, /inputs: it holds no samples/],
    ["a part of a sample", { ...TABLE, inputs: new Float32Array(5) }, /inputs: its 5 values/],
    [
      "inputs of float64",
      { ...TABLE, inputs: new Float64Array(6) as unknown as Float32Array },
      /Float32Array/,
    ],
    ["too few targets", { ...IMAGES, targets: [0, 1] }, /targets: 2 values for 3 samples/],
    ["targets that do not divide", { ...TABLE, targets: new Float32Array(4) }, /targets: 4 values/],
    ["a wrong target size", { ...TABLE, targetSize: 2 }, /targets: 3 values.* of 2 each/],
    ["an input that is not finite", { ...TABLE, inputs: nan }, /inputs: .*not finite/],
    [
      "a target that is not finite",
      { ...TABLE, targets: Float32Array.of(1, Infinity, 2) },
      /targets: .*not finite/,
    ],
    ["a class below 0", { ...IMAGES, targets: [0, -1, 2] }, /targets: -1 \(number 1\)/],
    ["half a class", { ...IMAGES, targets: [0, 0.5, 2] }, /targets: 0\.5 \(number 1\)/],
    ["a class beyond those named", { ...IMAGES, classes: 2 }, /targets: 2 \(number 0\)/],
    [
      "a test class beyond the training's",
      { ...IMAGES, test: { ...IMAGES.test, targets: [3] } },
      /test\.targets: 3/,
    ],
    [
      "test inputs of another type",
      { ...TABLE, test: { ...TABLE.test, inputs: Uint8Array.of(1, 2) } },
      /test\.inputs/,
    ],
    [
      "test targets of another kind",
      { ...TABLE, test: { ...TABLE.test, targets: [1] } },
      /test\.targets/,
    ],
    ["nothing left to train on", { ...TABLE, validationSize: 3 }, /validationSize: 3 of 3/],
    ["too few names", { ...IMAGES, classNames: ["a"] }, /classNames: it has 1 names.*3 classes/],
  ];
  test.each(cases)("%s", (_what, options, sentence) => {
    let error: unknown;
    try {
      arraySource(options);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(TandemError);
    expect(error).toMatchObject({ code: "data-arrays", exitCode: 2 });
    expect((error as TandemError).message).toMatch(sentence);
  });
});
