// Checkpoints of the smallest network, made without an engine.
import type { Checkpoint } from "../../src/shared/checkpoint/checkpoint.js";
import { sizeOf } from "../../src/shared/network/network.js";
import { stateLayout } from "../../src/shared/replica/state-layout.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { configOf } from "./config.js";

/** @param seed stands for another run */
export function checkpointOf(step: number, seed = 1): Checkpoint {
  const config = configOf({ inputShape: [2, 3, 1], classCount: 3, seed, batchSize: 8 });
  const tensors = stateLayout(layoutOfRun(config), "with-slots").map(({ name, shape }) => {
    return { name, shape, values: new Float32Array(sizeOf(shape)).fill(step + seed / 8) };
  });
  return { config, step, tensors };
}
