// The engines: which one a run uses where nobody said, and how the one that its configuration names is opened.
import type { EngineSpec } from "../config.js";
import type { Engine, EngineName } from "./engine.js";
import { openTensorFlow } from "./tensorflow/engine.js";
import { isTensorFlowInstalled } from "./tensorflow/installation.js";
import { openWasmInNode } from "./wasm/node.js";

/** The fastest engine that this machine has. */
export function defaultEngine(): EngineName {
  return isTensorFlowInstalled() ? "tensorflow" : "wasm";
}

export interface EngineOptions {
  /** Of each session of the wasm engine, whose bits they do not change. The tensorflow engine has those of the configuration. */
  threads?: number | undefined;
}

/** @throws TandemError `native-library` where the engine cannot be loaded */
export function openEngine(spec: EngineSpec, { threads }: EngineOptions = {}): Engine {
  switch (spec.name) {
    case "tensorflow":
      return openTensorFlow(spec.threads);
    case "wasm":
      return openWasmInNode(threads);
  }
}
