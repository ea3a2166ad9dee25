// The library's functions for evaluation and for data.
import { type ArrayDataOptions, arraySource } from "../shared/data/array-source.js";
import { ownSource, type OwnSourceOptions } from "../shared/data/own-source.js";
import { openData, openIdx } from "../shared/data/files/open-data.js";
import type { PictureSize } from "../shared/data/files/pictures/picture-kinds.js";
import type { LabelKind } from "../shared/data/files/tables/table-label.js";
import type { DataSource } from "../shared/data/samples.js";
import { readCheckpoint } from "../shared/checkpoint/checkpoint.js";
import type { EngineName } from "../shared/engine/engine.js";
import { evaluateCheckpoint } from "./evaluate-checkpoint.js";
import { chooseEvaluationEngine } from "./evaluation-engine.js";
import { toLibraryError } from "./option-names.js";

/** The result of {@link evaluate}. */
export interface Evaluation {
  /** The checkpoint's step. */
  step: number;
  /** Fraction of test samples classified correctly; only if the targets are classes. */
  testAccuracy?: number;
  /** The mean over the test samples. */
  testLoss: number;
  /** Number of test samples. */
  count: number;
  /** The engine that was used. */
  engine: EngineName;
}

/**
 * Restores a checkpoint and evaluates it on the data's test set; for the samples that a run held out, pass
 * `{ ...data, test: data.validation }`.
 * @param options.engine default: the checkpoint's own engine, or `"wasm"` if that is not installed
 * @throws TandemError if the checkpoint cannot be read, or the data does not match it
 */
export async function evaluate(
  checkpoint: string,
  data: DataSource,
  options: { engine?: EngineName } = {},
): Promise<Evaluation> {
  try {
    const restored = readCheckpoint(checkpoint);
    const { engine } = chooseEvaluationEngine(restored.config, options.engine);
    const { accuracy, loss, count } = await evaluateCheckpoint(checkpoint, restored, data, engine);
    const testAccuracy = accuracy === undefined ? {} : { testAccuracy: accuracy };
    return { step: restored.step, ...testAccuracy, testLoss: loss, count, engine: engine.name };
  } catch (error) {
    throw toLibraryError(error);
  }
}

/** What {@link data} and {@link idx} take. */
export interface OpenDataOptions {
  /** For a table: the column to predict. Default: the only one called label, target or class */
  label?: string;
  /** For a table: whether that column holds `"classes"` or `"values"`. Default: by its content */
  labelKind?: LabelKind;
  /** Pictures are resized to this: [height, width] or [height, width, channels]. Default: their common size */
  pictureSize?: PictureSize;
  /** Path of a checkpoint: the data is encoded like the data that it was trained on. */
  checkpoint?: string;
  /** Number of training samples to hold out: the first ones, or random ones if the test set is random too. Default: 0 */
  validationSize?: number;
  /** Arrays with more bytes of inputs than this are read from their files on demand. Default: 512 MiB */
  maxMemoryBytes?: number;
}

/**
 * Opens the data at a path, in any format that the command line's `--data` accepts (see docs/data.md). Files that are read on
 * demand stay open until the result's `close()` is called.
 * @param path a file or folder
 * @throws TandemError naming the file and what is wrong with it
 */
export async function data(
  path: string,
  { validationSize = 0, checkpoint, ...options }: OpenDataOptions = {},
): Promise<DataSource> {
  try {
    const known = checkpoint === undefined ? undefined : readCheckpoint(checkpoint).config;
    return await openData(path, { validationSize, known, ...options });
  } catch (error) {
    throw toLibraryError(error);
  }
}

/**
 * Opens data in MNIST's format: a folder with four IDX files, plain or gzipped, of images or vectors.
 * @param folder default: MNIST itself, which is installed with Tandem
 * @throws TandemError naming the file and what is wrong with it
 */
export async function idx(
  folder?: string,
  {
    validationSize = 0,
    maxMemoryBytes,
  }: Pick<OpenDataOptions, "validationSize" | "maxMemoryBytes"> = {},
): Promise<DataSource> {
  try {
    return await openIdx(folder, { validationSize, maxMemoryBytes });
  } catch (error) {
    throw toLibraryError(error);
  }
}

/**
 * Uses arrays in memory: images as bytes or float32, vectors as float32; classes or float32 values as targets.
 * The arrays are not copied, and must not be changed while a run uses them.
 * @throws TandemError naming the array and what is wrong with it
 */
export function arrays(options: ArrayDataOptions): DataSource {
  try {
    return arraySource(options);
  } catch (error) {
    throw toLibraryError(error);
  }
}

/**
 * Uses samples that a program generates or fetches on demand, synchronously or asynchronously: from a database, a simulation, a
 * decoder. Coming steps' samples are prefetched, so that a slow source and the computation overlap. Samples are checked; if one is
 * invalid, or `sample` fails, the run ends with an error that names its index.
 * @throws TandemError naming the option and what is wrong with it
 */
export function source(options: OwnSourceOptions): DataSource {
  try {
    return ownSource(options);
  } catch (error) {
    throw toLibraryError(error);
  }
}
