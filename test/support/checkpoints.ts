// Checkpoints of the smallest network, made without TensorFlow.
import type { Checkpoint } from "../../src/shared/checkpoint/checkpoint.js";
import { networkOfRun, type RunConfig } from "../../src/shared/config.js";
import { sizeOf } from "../../src/shared/model/network.js";
import { stateLayout } from "../../src/shared/model/state-layout.js";

const TINY: RunConfig = {
  model: "cnn",
  seed: 1,
  batchSize: 8,
  shards: 2,
  learningRate: 1e-4,
  threads: 1,
  validationSize: 0,
  data: { height: 2, width: 3, classes: 3, digest: "0".repeat(64) },
};

/** @param seed stands for another run */
export function checkpointOf(step: number, seed = 1): Checkpoint {
  const config = { ...TINY, seed };
  const tensors = stateLayout(networkOfRun(config), "with-slots").map(({ name, shape }) => {
    return { name, shape, values: new Float32Array(sizeOf(shape)).fill(step + seed / 8) };
  });
  return { config, step, tensors };
}
