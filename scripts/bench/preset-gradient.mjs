// A gradient of the preset `cnn` on an engine: forward and backward pass of one shard.
import { initialTensors } from "../../dist/shared/network/initial-values.js";
import { presetNetwork } from "../../dist/shared/network/presets.js";
import { computeShard } from "../../dist/shared/replica/shard-pass.js";
import { TrainingReplica } from "../../dist/shared/replica/training-replica.js";
import { layoutOfRun } from "../../dist/shared/run-layout.js";

/** @typedef {import("../../dist/shared/engine/engine.js").Engine} Engine */

const PIXELS = 28 * 28;
const CLASSES = 10;
const NO_DIGEST = "0".repeat(64);

/** @param {Engine} engine @param {number} batch @returns {() => void} computes the gradient once, of random images */
export function gradientOfPreset(engine, batch) {
  const layout = layoutOfRun({
    network: presetNetwork("cnn", [28, 28, 1], CLASSES),
    loss: { kind: "softmax-cross-entropy", labelSmoothing: 0 },
    optimizer: { kind: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
    learningRate: 1e-4,
    schedule: { kind: "constant", warmupSteps: 0 },
    seed: 0,
    batchSize: batch,
    shards: 1,
    engine: engine.name === "wasm" ? { name: "wasm" } : { name: "tensorflow", threads: 1 },
    numerics: NO_DIGEST,
    validationSize: 0,
    data: { inputType: "uint8", target: { kind: "classes", count: CLASSES }, digest: NO_DIGEST },
  });
  const replica = new TrainingReplica(layout, engine);
  replica.load(initialTensors(layout.network, layout.config.seed), 0);
  const samples = {
    count: batch,
    inputs: Uint8Array.from({ length: batch * PIXELS }, () => 256 * Math.random()),
    targets: Int32Array.from({ length: batch }, (_, index) => index % CLASSES),
  };
  return () => void computeShard(replica, { step: replica.step, firstSample: 0, samples });
}
