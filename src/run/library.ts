// Evaluation and data as a program asks for them.
import { type ArrayDataOptions, arraySource } from "../shared/data/array-source.js";
import { loadIdx } from "../shared/data/files/idx-source.js";
import { mnistFolder } from "../shared/data/files/mnist.js";
import type { DataSource } from "../shared/data/samples.js";
import { readCheckpoint } from "../shared/checkpoint/checkpoint.js";
import type { EngineName } from "../shared/engine/engine.js";
import { evaluateCheckpoint } from "./evaluate-checkpoint.js";
import { evaluationEngine } from "./evaluation-engine.js";
import { inLibraryTerms } from "./option-names.js";

/** What {@link evaluate} found. */
export interface Evaluation {
  /** Steps behind the checkpoint. */
  step: number;
  /** Share of the test samples whose class was found; only where targets are classes. */
  testAccuracy?: number;
  /** The mean over the test samples. */
  testLoss: number;
  /** Test samples. */
  count: number;
  /** What computed. */
  engine: EngineName;
}

/**
 * Restores a checkpoint and evaluates it on the data's test set; for the samples that a run held out, give
 * `{ ...data, test: data.validation }`.
 * @param options.engine what computes; default: the checkpoint's own, and where that is not installed, `"wasm"`
 * @throws TandemError where the checkpoint cannot be read, or the data is of another kind
 */
export async function evaluate(
  checkpoint: string,
  data: DataSource,
  options: { engine?: EngineName } = {},
): Promise<Evaluation> {
  try {
    const restored = readCheckpoint(checkpoint);
    const { engine } = evaluationEngine(restored.config, options.engine);
    const { accuracy, loss, count } = await evaluateCheckpoint(checkpoint, restored, data, engine);
    const testAccuracy = accuracy === undefined ? {} : { testAccuracy: accuracy };
    return { step: restored.step, ...testAccuracy, testLoss: loss, count, engine: engine.name };
  } catch (error) {
    throw inLibraryTerms(error);
  }
}

/**
 * Images in MNIST's format: a folder with the four files, plain or gzipped.
 * @param folder default: MNIST itself, which is installed with Tandem
 * @throws TandemError naming the file and what is wrong with it
 */
export function idx(
  folder: string = mnistFolder(),
  {
    validationSize = 0,
  }: {
    /** Training samples, from the first on, that are held out. Default: 0 */
    validationSize?: number;
  } = {},
): Promise<DataSource> {
  return attempt(() => loadIdx(folder, validationSize));
}

/**
 * Arrays in memory: images as bytes or float32, vectors as float32; classes or float32 values as targets.
 * They are not copied, and must not be changed while a run uses them.
 * @throws TandemError naming the array and what is wrong with it
 */
export function arrays(options: ArrayDataOptions): DataSource {
  try {
    return arraySource(options);
  } catch (error) {
    throw inLibraryTerms(error);
  }
}

async function attempt<T>(work: () => T): Promise<T> {
  try {
    await Promise.resolve();
    return work();
  } catch (error) {
    throw inLibraryTerms(error);
  }
}
