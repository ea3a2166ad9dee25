// A coordinator's welcome to a small run.
import type { RunConfig } from "../../src/shared/config.js";
import { PROTOCOL_VERSION } from "../../src/shared/protocol/messages.js";

export function welcome(config: Partial<RunConfig> = {}, name = "first") {
  return {
    type: "welcome",
    protocol: PROTOCOL_VERSION,
    name,
    broadcast: "weights",
    config: {
      model: "cnn",
      seed: 0,
      batchSize: 10,
      shards: 2,
      learningRate: 1e-3,
      threads: 1,
      validationSize: 0,
      data: { height: 8, width: 10, classes: 4, digest: "0".repeat(64) },
      ...config,
    },
  };
}
