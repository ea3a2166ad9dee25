// Which samples are trained on, held out for validation, and tested on, where the user or the files do not say. Pure.
import { TandemError } from "../errors.js";
import { permutation, Random } from "../random.js";

const DEFAULT_VALIDATION_SIZE = 5000;
/** Small sets keep nine tenths to train on. */
const DEFAULT_VALIDATION_SHARE = 10;
/** Of a set without a test set of its own. */
const TEST_SHARE = 5;
/** Not the run's seed: runs with different seeds are compared on one test set. */
const SPLIT_SEED = 0;

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

/** Indices of samples, ascending within each set. */
export interface DrawnSplit {
  training: Uint32Array;
  validation: Uint32Array;
  test: Uint32Array;
}

/** How many samples of a set without a test set become one: a fifth, rounded down, at least one. */
export function testShareOf(count: number): number {
  return Math.max(1, Math.floor(count / TEST_SHARE));
}

/**
 * Draws a test set, and the validation set, with a fixed seed: a function of the two numbers alone, and the test set of the
 * first only.
 * @param count samples in all, at least 2
 * @param validationSize below `count` − `testShareOf(count)`
 */
export function drawSplit(count: number, validationSize: number): DrawnSplit {
  const order = permutation(new Random(SPLIT_SEED, "test split"), count);
  const testSize = testShareOf(count);
  const trainingFrom = testSize + validationSize;
  return {
    test: order.slice(0, testSize).sort(),
    validation: order.slice(testSize, trainingFrom).sort(),
    training: order.slice(trainingFrom).sort(),
  };
}
