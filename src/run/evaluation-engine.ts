// Which engine a checkpoint is evaluated with: its own, or another one where that was asked for or its own is missing here.
import type { EngineSpec, RunConfig } from "../shared/config.js";
import type { EngineName } from "../shared/engine/engine.js";
import { isTensorFlowInstalled } from "../shared/engine/tensorflow/installation.js";

export interface EvaluationEngine {
  engine: EngineSpec;
  /** A sentence for people where it is not the checkpoint's own, though nobody asked for another. */
  note?: string;
}

/** @param requested undefined where the user did not say */
export function evaluationEngine(
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

/** On one thread, as runs where nobody said otherwise. */
function specOf(name: EngineName): EngineSpec {
  return name === "wasm" ? { name } : { name, threads: 1 };
}
