// tfjs-node's native binding, loaded once and late: the library reads its number of threads when it loads and never again.
// tfjs's own layer in JavaScript, which runs one op at a time, is left out: it takes half a second and 35 MB to load.
import { createRequire } from "node:module";
import { join } from "node:path";
import { messageOf, TandemError } from "../../errors.js";
import { BINDING, bindingFolder, isTensorFlowInstalled } from "./installation.js";

/** What a run gives back. */
export interface TensorInfo {
  id: number;
  shape: number[];
}

/** What the binding's JavaScript layer calls; tensors go by numbers, and live until they are deleted. */
export interface TensorFlow {
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  /** The memory of the values may go on being used. */
  createTensor(shape: readonly number[], type: number, values: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  getNumOfTensors(): number;
  /** A copy. */
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
 * @param threads TensorFlow's intra-op threads. They decide how sums are split and so the last bits of a result;
 * that is why they belong to a run's configuration. Ops run one after another.
 * @throws TandemError `native-library` where the engine is not installed, does not load, or is loaded with another number of
 * threads
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
  // Warnings would reach the user's standard error. Set-up's log-level.cc makes the library heed this while it loads.
  process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
  try {
    const tf = createRequire(import.meta.url)(join(bindingFolder(), BINDING)) as TensorFlow;
    // The first tensor makes the library set itself up.
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
