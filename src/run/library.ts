// Evaluation and data as a program asks for them.
import { type ArrayDataOptions, arraySource } from "../shared/data/array-source.js";
import { ownSource, type OwnSourceOptions } from "../shared/data/own-source.js";
import { openData, openIdx } from "../shared/data/files/open-data.js";
import type { PictureSize } from "../shared/data/files/pictures/picture-kinds.js";
import type { LabelKind } from "../shared/data/files/tables/table-label.js";
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

/** What {@link data} and {@link idx} take. */
export interface OpenDataOptions {
  /** Of a table: the column that is to be predicted. Default: the only one called label, target or class */
  label?: string;
  /** Of a table: whether that column holds `"classes"` or `"values"`. Default: by what is in it */
  labelKind?: LabelKind;
  /** Pictures are resized to this: [height, width] or [height, width, channels]. Default: the size that all of them have */
  pictureSize?: PictureSize;
  /** The file of a checkpoint: other data of the kind that it was trained on is read as that was. */
  checkpoint?: string;
  /** Training samples that are held out: the first ones, or drawn where the test set is drawn too. Default: 0 */
  validationSize?: number;
  /** Arrays with more bytes of inputs than this are read from their files as they are needed. Default: 512 MiB */
  maxMemoryBytes?: number;
}

/**
 * The data at a path, of any kind that the command line's `--data` takes; docs/data.md lists them. Files that are read while a
 * run needs them stay open until `close()` of the result.
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
    throw inLibraryTerms(error);
  }
}

/**
 * Data in MNIST's format: a folder with four IDX files, plain or gzipped, of images or vectors.
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
    throw inLibraryTerms(error);
  }
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

/**
 * Samples that a program makes or fetches when they are needed, synchronously or not: from a database, a simulation, a decoder.
 * Steps are planned ahead, so that a slow source and the computation overlap. What `sample` returns is checked; a run whose
 * sample is wrong, or fails, ends with an error that names the index.
 * @throws TandemError naming the option and what is wrong with it
 */
export function source(options: OwnSourceOptions): DataSource {
  try {
    return ownSource(options);
  } catch (error) {
    throw inLibraryTerms(error);
  }
}
