// Samples that come sorted, as in files and folders they often are, divided into those to train on, to hold out and to test on: in an
// order that is drawn with a fixed seed. The run's own seed has no part in it: runs that differ in it are evaluated on the same
// samples. Pure.
import { permutation, Random } from "../random.js";
import { resolveValidationSize } from "./split.js";

/** One sample of so many is a test sample. */
const TEST_EVERY = 5;

export interface DivisionOptions {
  /** The class of each sample: a fifth of each class is tested on, to rounding. Without them, a fifth of all. */
  classes?: Int32Array | undefined;
  /** The test samples come from elsewhere: none are drawn. */
  hasTest: boolean;
  /** How many training samples are held out; undefined: 5,000, at most a tenth of them. */
  validationSize: number | undefined;
  /** The data, for messages. */
  where: string;
}

/** Numbers of samples, each in one of the three. */
export interface Division {
  training: Uint32Array;
  validation: Uint32Array;
  test: Uint32Array;
}

/** @throws TandemError `data-too-small` where nothing would be left to train on */
export function divideSamples(count: number, options: DivisionOptions): Division {
  const { classes, hasTest, validationSize, where } = options;
  const order = permutation(new Random(0, "data/order"), count);
  const [test, others] = hasTest ? [[], [...order]] : drawTest(order, classes);
  const size = resolveValidationSize(validationSize, others.length, where);
  return {
    test: Uint32Array.from(test),
    validation: Uint32Array.from(others.slice(0, size)),
    training: Uint32Array.from(others.slice(size)),
  };
}

/** The first ones of each class, and the others. */
function drawTest(order: Uint32Array, classes?: Int32Array): [test: number[], others: number[]] {
  const classOf = (sample: number) => classes?.[sample] ?? 0;
  const sizes = new Map<number, number>();
  for (const sample of order) sizes.set(classOf(sample), (sizes.get(classOf(sample)) ?? 0) + 1);
  const missing = new Map(
    [...sizes].map(([label, size]) => [label, Math.round(size / TEST_EVERY)]),
  );
  const test: number[] = [];
  const others: number[] = [];
  for (const sample of order) {
    const count = missing.get(classOf(sample)) ?? 0;
    (count > 0 ? test : others).push(sample);
    missing.set(classOf(sample), count - 1);
  }
  return [test, others];
}
