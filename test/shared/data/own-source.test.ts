// A program's own samples as data: good ones, and every kind of bad ones, which are refused by index.
import { describe, expect, test } from "vitest";
import {
  type OwnSample,
  ownSource,
  type OwnSourceOptions,
} from "../../../src/shared/data/own-source.js";
import { TandemError } from "../../../src/shared/errors.js";

const sample = (index: number): OwnSample => ({ input: [index, index / 2], target: index % 3 });
const OPTIONS: OwnSourceOptions = {
  inputShape: [2],
  training: { length: 10, classes: ["a", "b", "c"], sample },
  test: { length: 4, sample },
  validationSize: 3,
  id: "numbers",
};

test("samples in the order of the indices, whenever they are ready", async () => {
  const releases: (() => void)[] = [];
  const data = ownSource({
    ...OPTIONS,
    training: {
      ...OPTIONS.training,
      sample: async (index) => {
        await new Promise<void>((resolve) => releases.push(resolve));
        return sample(index);
      },
    },
  });
  const gathered = data.training.gather(Uint32Array.of(5, 0, 5));
  for (const release of releases.reverse()) release();
  // The first three training samples are the validation set.
  expect(await gathered).toEqual({
    count: 3,
    inputs: Float32Array.of(8, 4, 3, 1.5, 8, 4),
    targets: Int32Array.of(2, 0, 2),
  });
  expect([data.training.count, data.validation.count, data.test.count]).toEqual([7, 3, 4]);
  expect(data.target).toEqual({ kind: "classes", count: 3 });
  expect(data.classNames).toEqual(["a", "b", "c"]);
});

test("only so many calls are in progress at once", async () => {
  let [open, most] = [0, 0];
  const data = ownSource({
    ...OPTIONS,
    training: {
      length: 1000,
      sample: async (index) => {
        most = Math.max(most, ++open);
        await Promise.resolve();
        open--;
        return { input: [index, 0], target: 1 };
      },
    },
  });
  const indices = Uint32Array.from({ length: 900 }, (_, index) => index);
  const { inputs } = await data.training.gather(indices);
  expect(inputs[2 * 899]).toBe(902);
  expect(most).toBe(64);
});

test("the digest is of what the program says of its data", () => {
  const digestOf = (changes: Partial<OwnSourceOptions>) =>
    ownSource({ ...OPTIONS, ...changes }).digest;
  const own = digestOf({});
  expect(own).toMatch(/^[0-9a-f]{64}$/);
  expect(digestOf({})).toBe(own);
  expect(digestOf({ validationSize: 0 })).toBe(own);
  expect(digestOf({ id: "numbers, version 2" })).not.toBe(own);
  expect(digestOf({ inputShape: [1, 1, 2] })).not.toBe(own);
  expect(digestOf({ test: { length: 5, sample } })).not.toBe(own);
});

describe("a bad sample is named by its index", () => {
  const cases: [string, unknown, RegExp][] = [
    [
      "nothing",
      undefined,
      /training\.sample\(7\) returned an input that is not an array of numbers/,
    ],
    [
      "no input",
      { target: 1 },
      /an input that is not an array of numbers, but a sample of \[2\] has 2/,
    ],
    [
      "a short input",
      { input: [1], target: 1 },
      /an input of length 1, but a sample of \[2\] has 2 values/,
    ],
    ["a text in the input", { input: [1, "2"], target: 1 }, /not an array of numbers/],
    ["NaN", { input: [1, NaN], target: 1 }, /values that are not finite float32 numbers/],
    ["numbers beyond float32", { input: [1, 1e39], target: 1 }, /not finite float32 numbers/],
    ["a class that is none", { input: [1, 2], target: 3 }, /target 3, which is not a class number/],
    ["no target", { input: [1, 2] }, /target undefined, which is not a class number/],
  ];
  test.each(cases)("%s", async (_what, bad, sentence) => {
    const data = ownSource({
      ...OPTIONS,
      training: {
        ...OPTIONS.training,
        sample: (index) => (index === 7 ? (bad as OwnSample) : sample(index)),
      },
    });
    await data.training.gather(Uint32Array.of(0, 1, 2, 3));
    const error = await Promise.resolve(data.training.gather(Uint32Array.of(1, 4))).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(TandemError);
    expect((error as TandemError).code).toBe("data-sample");
    expect((error as TandemError).message).toMatch(sentence);
  });

  test("bytes and values", async () => {
    const bytes = ownSource({
      ...OPTIONS,
      inputType: "uint8",
      training: { length: 10, sample: (index) => ({ input: [index, 255 + index], target: 0 }) },
      targetSize: 2,
      validationSize: 0,
    });
    await expect(bytes.training.gather(Uint32Array.of(1))).rejects.toThrow(
      /sample\(1\) returned an input with values that are not bytes/,
    );
    await expect(bytes.training.gather(Uint32Array.of(0))).rejects.toThrow(
      /sample\(0\) returned a target that is not 2 finite numbers/,
    );
  });

  test("a function that fails, with its reason and cause", async () => {
    const reason = new Error("the database is away");
    const fail = () => Promise.reject(reason);
    const data = ownSource({ ...OPTIONS, test: { length: 4, sample: fail } });
    await expect(data.test.gather(Uint32Array.of(2))).rejects.toMatchObject({
      message: "test.sample(2) failed (the database is away).",
      cause: reason,
    });
  });
});

test.each<[string, Partial<OwnSourceOptions>, RegExp]>([
  ["inputShape", { inputShape: [0] }, /inputShape \[0\]/],
  ["length", { test: { length: 0, sample } }, /test\.length 0/],
  ["classes", { training: { length: 4, classes: 0, sample } }, /training\.classes 0/],
  ["targetSize beside classes", { targetSize: 2 }, /targetSize is for targets that are values/],
  ["validationSize", { validationSize: 10 }, /--validation-size 10 leaves nothing/],
  ["id", { id: "" }, /id is empty/],
])("a bad %s is refused", (_what, changes, sentence) => {
  expect(() => ownSource({ ...OPTIONS, ...changes })).toThrow(sentence);
});
