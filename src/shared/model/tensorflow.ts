// Loads tfjs-node, once and late: the library reads its number of threads when it loads and never again.
import { createRequire } from "node:module";
import util from "node:util";
import type * as TensorFlowModule from "@tensorflow/tfjs-node";
import { messageOf, TandemError } from "../errors.js";
import { quietly } from "./quiet-load.js";

export type TensorFlow = typeof TensorFlowModule;
export type Tensor = TensorFlowModule.Tensor;

let loaded: { tf: TensorFlow; threads: number } | undefined;

/**
 * @param threads TensorFlow's intra-op threads. They decide how sums are split and so the last bits of a result;
 * that is why they belong to a run's configuration.
 * @throws TandemError `native-library` where tfjs-node does not load, or is loaded with another number of threads
 */
export function loadTensorFlow(threads: number): TensorFlow {
  if (loaded) {
    if (loaded.threads === threads) return loaded.tf;
    throw new TandemError(
      "native-library",
      `TensorFlow runs with ${loaded.threads} threads in this process and cannot change to ${threads}. Start another process.`,
    );
  }
  process.env["TF_NUM_INTRAOP_THREADS"] = String(threads);
  process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
  // Node 23 removed a helper that tfjs-node 4.22.0 calls.
  const oldUtil = util as { isNullOrUndefined?: (value: unknown) => boolean };
  oldUtil.isNullOrUndefined ??= (value) => value === null || value === undefined;
  try {
    const require = createRequire(import.meta.url);
    const tf = quietly(() => {
      const module = require("@tensorflow/tfjs-node") as TensorFlow;
      // The first op makes the library set itself up.
      module.tidy(() => module.scalar(1).add(1).dataSync());
      return module;
    });
    loaded = { tf, threads };
    return tf;
  } catch (error) {
    throw new TandemError(
      "native-library",
      `tfjs-node's native library does not load (${messageOf(error).split("\n")[0]}). Run \`npm run setup\` in Tandem's folder.`,
      { cause: error },
    );
  }
}
