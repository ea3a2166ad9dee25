// Which samples are trained on, held out for validation, and tested on, where the user or the files do not say. What is drawn is
// drawn with a fixed seed and not with the run's: runs with different seeds are compared on one test set. Pure.
import { TandemError } from "../errors.js";
import { permutation, Random } from "../random.js";
import type { Selection } from "./subset.js";

const DEFAULT_VALIDATION_SIZE = 5000;
/** Small sets keep nine tenths to train on. */
const DEFAULT_VALIDATION_SHARE = 10;
/** Every fifth sample is a test sample where the data has no test set of its own. */
const TEST_EVERY = 5;
const SPLIT_SEED = 0;

export interface SplitOptions {
  /** The data has a test set of its own: none is drawn. */
  hasTest: boolean;
  /** How many training samples are held out; undefined: 5,000, at most a tenth of them. */
  validationSize: number | undefined;
  /** The data, for messages. */
  where: string;
}

/** Each sample is in one of the three. Where the data has a test set of its own, `test` is empty. */
export interface Split<Part extends Selection> {
  training: Part;
  validation: Part;
  test: Part;
}

/**
 * How many training samples are held out.
 * @param given what the user said; undefined: 5,000, at most a tenth of the training samples
 * @param where the data, for messages
 * @throws TandemError `data-too-small` where nothing would be left to train on
 */
export function resolveValidationSize(
  given: number | undefined,
  trainingCount: number,
  where: string,
): number {
  const largest = Math.floor(trainingCount / DEFAULT_VALIDATION_SHARE);
  const size = given ?? Math.min(DEFAULT_VALIDATION_SIZE, largest);
  if (size < trainingCount) return size;
  throw new TandemError(
    "data-too-small",
    `--validation-size ${size} leaves nothing to train on: ${where} has ${trainingCount} training samples. Give a smaller --validation-size, for example 0.`,
  );
}

/**
 * Of samples that are stored in a random order, as arrays usually are. The first ones are held out; without a test set, both sets
 * are drawn. Each keeps the stored order.
 * @throws TandemError `data-too-small` where nothing would be left to train on
 */
export function splitStored(count: number, options: SplitOptions): Split<Selection> {
  const { hasTest, validationSize, where } = options;
  if (hasTest) {
    const held = resolveValidationSize(validationSize, count, where);
    return {
      training: { from: held, to: count },
      validation: { from: 0, to: held },
      test: { from: count, to: count },
    };
  }
  if (count < 2) {
    throw new TandemError("data-too-small", `${where} has one sample, and no test set.`);
  }
  const order = permutation(new Random(SPLIT_SEED, "test split"), count);
  const testSize = Math.max(1, Math.floor(count / TEST_EVERY));
  const { training, validation, test } = divide(order, testSize, options);
  return { training: training.sort(), validation: validation.sort(), test: test.sort() };
}

/**
 * Of samples that may be stored by class, as rows of tables and files in folders often are: each set is in a random order.
 * @param classes of each sample; a fifth of each class is tested on, to rounding. Without them, a fifth of all
 * @throws TandemError `data-too-small` where nothing would be left to train on
 */
export function splitShuffled(
  count: number,
  options: SplitOptions,
  classes?: Int32Array,
): Split<Uint32Array> {
  const order = permutation(new Random(SPLIT_SEED, "data/order"), count);
  if (options.hasTest) return divide(order, 0, options);
  if (!classes) return divide(order, Math.round(count / TEST_EVERY), options);
  const sizes = new Map<number, number>();
  for (const label of classes) sizes.set(label, (sizes.get(label) ?? 0) + 1);
  const missing = new Map(
    [...sizes].map(([label, size]) => [label, Math.round(size / TEST_EVERY)]),
  );
  const isTest = (sample: number) => {
    const label = classes[sample]!;
    const left = missing.get(label)!;
    missing.set(label, left - 1);
    return left > 0;
  };
  // The first ones of each class in the order are its test samples.
  const [tests, others] = partition(order, isTest);
  return divide(Uint32Array.from([...tests, ...others]), tests.length, options);
}

/** The first `testSize` samples are the test set, and those after them the validation set. */
function divide(
  order: Uint32Array,
  testSize: number,
  { validationSize, where }: SplitOptions,
): Split<Uint32Array> {
  const held = resolveValidationSize(validationSize, order.length - testSize, where);
  const trainingFrom = testSize + held;
  return {
    test: order.slice(0, testSize),
    validation: order.slice(testSize, trainingFrom),
    training: order.slice(trainingFrom),
  };
}

function partition(
  samples: Uint32Array,
  isFirst: (sample: number) => boolean,
): [first: number[], second: number[]] {
  const [first, second]: [number[], number[]] = [[], []];
  for (const sample of samples) (isFirst(sample) ? first : second).push(sample);
  return [first, second];
}
