// Splits samples into training, validation and test sets, if the user or the files do not. It uses a fixed seed, not the run's, so
// that runs with different seeds can be compared on the same test set. Pure.
import { TandemError } from "../errors.js";
import { permutation, Random } from "../random.js";
import type { Selection } from "./subset.js";

const DEFAULT_VALIDATION_SIZE = 5000;
/** At most this fraction of the training samples (1/10) is held out. */
const DEFAULT_VALIDATION_SHARE = 10;
/** Without a test set, one sample in five is a test sample. */
const TEST_EVERY = 5;
const SPLIT_SEED = 0;

export interface SplitOptions {
  /** The data already has a test set. */
  hasTest: boolean;
  /** The number of training samples that are held out; undefined: 5,000, at most a tenth of them. */
  validationSize: number | undefined;
  /** The data, for messages. */
  where: string;
}

/** Each sample is in exactly one part. If the data already has a test set, `test` is empty. */
export interface Split<Part extends Selection> {
  training: Part;
  validation: Part;
  test: Part;
}

/**
 * The number of training samples that are held out.
 * @param given by the user; undefined: 5,000, at most a tenth of the training samples
 * @param where the data, for messages
 * @throws TandemError `data-too-small` if no training samples would be left
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
 * Splits samples that are stored in random order, as arrays usually are. With a test set, the first samples are held out; without,
 * both sets are drawn. Each part keeps the stored order.
 * @throws TandemError `data-too-small` if no training samples would be left
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
    throw new TandemError("data-too-small", `${where} has only one sample, and no test set.`);
  }
  const order = permutation(new Random(SPLIT_SEED, "test split"), count);
  const testSize = Math.max(1, Math.floor(count / TEST_EVERY));
  const { training, validation, test } = divide(order, testSize, options);
  return { training: training.sort(), validation: validation.sort(), test: test.sort() };
}

/**
 * Splits samples that may be stored by class, as rows of tables and files in folders often are. Each part is in random order.
 * @param classes of the samples: about a fifth of each class becomes the test set; without them, a fifth of all samples
 * @throws TandemError `data-too-small` if no training samples would be left
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
  // The first samples of each class, in this order, are its test samples.
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
