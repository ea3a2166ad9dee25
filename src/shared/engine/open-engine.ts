// The default engine, and how the engine of a configuration is opened.
import type { EngineSpec } from "../config.js";
import type { Engine, EngineName } from "./engine.js";
import { openTensorFlow } from "./tensorflow/engine.js";
import { isTensorFlowInstalled } from "./tensorflow/installation.js";
import { openWasmInNode } from "./wasm/node.js";

/** The fastest engine that is installed. */
export function defaultEngine(): EngineName {
  return isTensorFlowInstalled() ? "tensorflow" : "wasm";
}

export interface EngineOptions {
  /** Threads per session of the wasm engine, whose results do not depend on them. The tensorflow engine uses the configuration's. */
  threads?: number | undefined;
}

/** @throws TandemError `native-library` if the engine cannot be loaded */
export function openEngine(spec: EngineSpec, { threads }: EngineOptions = {}): Engine {
  switch (spec.name) {
    case "tensorflow":
      return openTensorFlow(spec.threads);
    case "wasm":
      return openWasmInNode(threads);
  }
}
