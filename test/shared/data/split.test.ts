// Which samples are used for training, validation and testing. This must never change, or runs of earlier versions could not be
// repeated.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Split, splitShuffled, splitStored } from "../../../src/shared/data/split.js";
import type { Selection } from "../../../src/shared/data/subset.js";

const COUNT = 23;
/** Eleven, nine and three samples, one class after the other. */
const CLASSES = Int32Array.from(
  { length: COUNT },
  (_, index) => Number(index >= 11) + Number(index >= 20),
);
const options = { hasTest: false, validationSize: 4, where: "the data" };

function indicesOf(selection: Selection): number[] {
  if (selection instanceof Uint32Array) return [...selection];
  return Array.from({ length: selection.to - selection.from }, (_, at) => selection.from + at);
}

function listsOf({ training, validation, test: tests }: Split<Selection>) {
  return [training, validation, tests].map(indicesOf);
}

describe("of samples in a random order", () => {
  test("the first ones are held out where there is a test set", () => {
    const [training, validation, tests] = listsOf(
      splitStored(COUNT, { ...options, hasTest: true }),
    );
    expect(validation).toEqual([0, 1, 2, 3]);
    expect(training).toEqual(Array.from({ length: COUNT - 4 }, (_, at) => at + 4));
    expect(tests).toEqual([]);
  });

  test("what is drawn keeps the stored order", () => {
    expect(listsOf(splitStored(COUNT, options))).toEqual([
      [0, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 17, 21, 22],
      [14, 15, 16, 19],
      [1, 5, 18, 20],
    ]);
    const few = splitStored(3, { ...options, validationSize: 1 });
    expect(listsOf(few)).toEqual([[0], [2], [1]]);
  });

  test("one sample cannot be trained on and tested on", () => {
    const alone = { ...options, validationSize: 0 };
    expect(() => splitStored(1, alone)).toThrow("the data has only one sample, and no test set.");
  });
});

describe("of samples that may be stored by class", () => {
  test("a fifth of each class is tested on", () => {
    expect(listsOf(splitShuffled(COUNT, options, CLASSES))).toEqual([
      [7, 13, 8, 10, 11, 20, 14, 12, 22, 6, 18, 5, 3, 9],
      [19, 16, 1, 0],
      [15, 2, 17, 4, 21],
    ]);
  });

  test("without classes, a fifth of all", () => {
    expect(listsOf(splitShuffled(COUNT, options))).toEqual([
      [7, 13, 8, 10, 11, 20, 14, 12, 22, 6, 18, 5, 3, 9],
      [16, 1, 21, 0],
      [15, 2, 17, 19, 4],
    ]);
  });

  test("with a test set, some are held out", () => {
    const split = splitShuffled(COUNT, { ...options, hasTest: true }, CLASSES);
    expect(listsOf(split)).toEqual([
      [4, 16, 1, 21, 0, 7, 13, 8, 10, 11, 20, 14, 12, 22, 6, 18, 5, 3, 9],
      [15, 2, 17, 19],
      [],
    ]);
  });
});

test("each sample is in one set, whatever is held out, and the test set does not depend on that", () => {
  const labels = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 10, maxLength: 60 });
  fc.assert(
    fc.property(labels, fc.nat(4), fc.constantFrom("stored", "shuffled"), (all, held, kind) => {
      const split = (validationSize: number) => {
        const own = { ...options, validationSize };
        if (kind === "stored") return listsOf(splitStored(all.length, own));
        return listsOf(splitShuffled(all.length, own, Int32Array.from(all)));
      };
      const sets = split(held);
      const sorted = sets.flat().toSorted((a, b) => a - b);
      expect(sorted).toEqual(all.map((_, index) => index));
      expect(sets[1]).toHaveLength(held);
      expect(sets[2]).toEqual(split(0)[2]);
    }),
  );
});

test("nothing left to train on is refused with what to do", () => {
  const all = { ...options, validationSize: COUNT };
  for (const split of [splitStored, splitShuffled]) {
    expect(() => split(COUNT, { ...all, hasTest: true })).toThrow(
      /--validation-size 23 leaves nothing to train on: the data has 23 training samples/,
    );
  }
});
