// The engine that a run's configuration asks for.
import type { RunConfig } from "../config.js";
import type { Engine } from "./engine.js";
import { openTensorFlow } from "./tensorflow/engine.js";

/** @throws TandemError `native-library` where it cannot be loaded */
export function openEngine({ threads }: Pick<RunConfig, "threads">): Engine {
  return openTensorFlow(threads);
}
