// Loads tfjs-node's native binding, once and only when it is needed: the library reads the number of threads when it is loaded.
// tfjs's JavaScript layer, which runs one op at a time, is not used: it takes half a second and 35 MB to load.
import { createRequire } from "node:module";
import { join } from "node:path";
import { messageOf, TandemError } from "../../errors.js";
import { BINDING, bindingFolder, isTensorFlowInstalled } from "./installation.js";

/** A tensor that a run returns. */
export interface TensorInfo {
  id: number;
  shape: number[];
}

/** The binding's interface. Tensors have numeric ids and live until they are deleted. */
export interface TensorFlow {
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  /** The tensor may use the memory of `values`. */
  createTensor(shape: readonly number[], type: number, values: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  getNumOfTensors(): number;
  /** Returns a copy. */
  tensorDataSync(id: number): Float32Array | Int32Array;
  /** @param tags separated by commas */
  loadSavedModel(folder: string, tags: string): number;
  /** @param inputNames, outputNames `node:index`, separated by commas */
  runSavedModel(
    session: number,
    inputs: readonly number[],
    inputNames: string,
    outputNames: string,
  ): TensorInfo[];
  deleteSavedModel(session: number): void;
}

let loaded: { tf: TensorFlow; threads: number } | undefined;

/**
 * @param threads TensorFlow's intra-op threads. They affect how sums are split, and so the last bits of results, which is why they
 * are part of a run's configuration. Ops run one after the other.
 * @throws TandemError `native-library` if the engine is not installed, cannot be loaded, or is already loaded with another number
 * of threads
 */
export function loadTensorFlow(threads: number): TensorFlow {
  if (loaded) {
    if (loaded.threads === threads) return loaded.tf;
    throw new TandemError(
      "native-library",
      `TensorFlow runs with ${loaded.threads} threads in this process and cannot change to ${threads}. Start another process.`,
    );
  }
  if (!isTensorFlowInstalled()) {
    throw new TandemError(
      "native-library",
      "The tensorflow engine is not installed. Run `npx tandem setup`, or use `--engine wasm`.",
    );
  }
  process.env["TF_NUM_INTRAOP_THREADS"] = String(threads);
  process.env["TF_NUM_INTEROP_THREADS"] = "1";
  // Keeps warnings off standard error. src/setup/log-level.cc makes the library apply it while it loads.
  process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
  try {
    const tf = createRequire(import.meta.url)(join(bindingFolder(), BINDING)) as TensorFlow;
    // The first tensor initializes the library.
    tf.deleteTensor(tf.createTensor([], tf.TF_FLOAT, Float32Array.of(0)));
    loaded = { tf, threads };
    return tf;
  } catch (error) {
    throw new TandemError(
      "native-library",
      `The tensorflow engine does not load (${messageOf(error).split("\n")[0]}). Run \`npx tandem setup\` again, or use \`--engine wasm\`.`,
      { cause: error },
    );
  }
}
