// An engine that is tested.
import type { Engine } from "../../../src/shared/engine/engine.js";

export interface Subject {
  name: string;
  open: () => Engine;
  /** How many tensors the engine holds. */
  countTensors: () => number;
}
