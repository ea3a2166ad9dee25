// Chooses the engine that a checkpoint is evaluated with: the requested one, else its own, else wasm if its own is not installed.
import type { EngineSpec, RunConfig } from "../shared/config.js";
import type { EngineName } from "../shared/engine/engine.js";
import { isTensorFlowInstalled } from "../shared/engine/tensorflow/installation.js";

export interface EvaluationEngine {
  engine: EngineSpec;
  /** A sentence to print if the engine differs from the checkpoint's although none was requested. */
  note?: string;
}

/** @param requested undefined: the user did not choose one */
export function chooseEvaluationEngine(
  { engine: own }: RunConfig,
  requested: EngineName | undefined,
  hasTensorFlow: boolean = isTensorFlowInstalled(),
): EvaluationEngine {
  if (requested === own.name) return { engine: own };
  if (requested !== undefined) return { engine: specOf(requested) };
  if (own.name === "wasm" || hasTensorFlow) return { engine: own };
  return {
    engine: specOf("wasm"),
    note: "The tensorflow engine, which the checkpoint was trained with, is not installed here: using wasm, whose results can differ in the last bits.",
  };
}

/** With one thread, the default of runs. */
function specOf(name: EngineName): EngineSpec {
  return name === "wasm" ? { name } : { name, threads: 1 };
}
