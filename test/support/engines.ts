// The engines that this machine has. Tests of the tensorflow engine itself are skipped where it is not installed
// (test/support/temporary.ts says so, once); tests that need any engine take the default.
import type { EngineSpec } from "../../src/shared/config.js";
import { defaultEngine } from "../../src/shared/engine/open-engine.js";
import { isTensorFlowInstalled } from "../../src/shared/engine/tensorflow/installation.js";
import { loadTensorFlow } from "../../src/shared/engine/tensorflow/tensorflow.js";

export const hasTensorFlow = isTensorFlowInstalled();

/** What a run here uses if nothing else is said. */
export const defaultSpec: EngineSpec =
  defaultEngine() === "tensorflow" ? { name: "tensorflow", threads: 1 } : { name: "wasm" };

/** TensorFlow's tensors in this process. */
export function countNativeTensors(): number {
  return hasTensorFlow ? loadTensorFlow(1).getNumOfTensors() : 0;
}
