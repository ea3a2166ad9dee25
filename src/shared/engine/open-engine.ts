// The engines: which one a run uses where nobody said, and how the one that its configuration names is opened.
import type { EngineSpec } from "../config.js";
import type { Engine, EngineName } from "./engine.js";
import { openTensorFlow } from "./tensorflow/engine.js";
import { isTensorFlowInstalled } from "./tensorflow/installation.js";
import { openWasm } from "./wasm/engine.js";
import { loadKernels } from "./wasm/load-kernels.js";

/** The fastest engine that this machine has. */
export function defaultEngine(): EngineName {
  return isTensorFlowInstalled() ? "tensorflow" : "wasm";
}

/** @throws TandemError `native-library` where the engine cannot be loaded */
export function openEngine(spec: EngineSpec): Engine {
  switch (spec.name) {
    case "tensorflow":
      return openTensorFlow(spec.threads);
    case "wasm":
      return openWasm(loadKernels());
  }
}
