// The configuration for benchmarks of the preset `cnn`: MNIST's shapes, one shard, the reference run's optimizer.
import { presetNetwork } from "../../dist/shared/network/presets.js";

const NO_DIGEST = "0".repeat(64);
const CLASSES = 10;

/**
 * @param {import("../../dist/shared/config.js").EngineSpec} engine
 * @param {number} batchSize
 * @returns {import("../../dist/shared/config.js").RunConfig}
 */
export function presetConfig(engine, batchSize) {
  return {
    network: presetNetwork("cnn", [28, 28, 1], CLASSES),
    loss: { kind: "softmax-cross-entropy", labelSmoothing: 0 },
    optimizer: { kind: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
    learningRate: 1e-4,
    schedule: { kind: "constant", warmupSteps: 0 },
    seed: 0,
    batchSize,
    shards: 1,
    engine,
    numerics: NO_DIGEST,
    validationSize: 0,
    data: { inputType: "uint8", target: { kind: "classes", count: CLASSES }, digest: NO_DIGEST },
  };
}

/** Random images and labels of that shape. @param {number} count */
export function presetSamples(count) {
  return {
    count,
    inputs: Uint8Array.from({ length: count * 28 * 28 }, () => 256 * Math.random()),
    targets: Int32Array.from({ length: count }, (_, index) => index % CLASSES),
  };
}
