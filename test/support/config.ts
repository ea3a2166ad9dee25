// Configurations for tests.
import { type RunConfig, runConfigSchema } from "../../src/shared/config.js";
import type { DataSource } from "../../src/shared/data/samples.js";
import { presetNetwork } from "../../src/shared/network/presets.js";
import { defaultSpec } from "./engines.js";

/** A small run of the preset `cnn`, on images of 8 × 10 pixels in four classes where nothing else is said. */
export function configOf(
  changes: Partial<RunConfig> & {
    inputShape?: readonly number[];
    classCount?: number;
  } = {},
): RunConfig {
  const { inputShape = [8, 10, 1], classCount = 4, ...rest } = changes;
  return runConfigSchema.parse({
    network: presetNetwork("cnn", inputShape, classCount),
    loss: { kind: "softmax-cross-entropy", labelSmoothing: 0 },
    optimizer: { kind: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
    learningRate: 1e-3,
    schedule: { kind: "constant", warmupSteps: 0 },
    seed: 0,
    batchSize: 10,
    shards: 2,
    engine: defaultSpec,
    numerics: "0".repeat(64),
    validationSize: 0,
    data: {
      inputType: "uint8",
      target: { kind: "classes", count: classCount },
      digest: "0".repeat(64),
    },
    ...rest,
  });
}

/** A small run of the preset `cnn` on this data. */
export function configFor(data: DataSource, changes: Partial<RunConfig> = {}): RunConfig {
  const { inputShape, inputType, target, digest } = data;
  const { count: classCount } = target;
  return configOf({ inputShape, classCount, data: { inputType, target, digest }, ...changes });
}
