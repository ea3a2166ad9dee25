// The preset `cnn` on an engine: a gradient, which is the forward and backward pass of one shard, and a whole step.
import { aggregatePopulation, sumGradients } from "../../dist/coordinator/aggregate.js";
import { initialTensors } from "../../dist/shared/network/initial-values.js";
import { presetNetwork } from "../../dist/shared/network/presets.js";
import { withEmptySlots } from "../../dist/shared/replica/initial-state.js";
import { computeShard } from "../../dist/shared/replica/shard-pass.js";
import { TrainingReplica } from "../../dist/shared/replica/training-replica.js";
import { layoutOfRun } from "../../dist/shared/run-layout.js";

/** @typedef {import("../../dist/shared/engine/engine.js").Engine} Engine */

const PIXELS = 28 * 28;
const CLASSES = 10;
const NO_DIGEST = "0".repeat(64);

/** @param {Engine} engine @param {number} batch @returns {() => void} computes the gradient once, of random images */
export function gradientOfPreset(engine, batch) {
  const { compute } = presetTrainer(engine, batch);
  return () => void compute();
}

/** @param {Engine} engine @param {number} batch @returns {() => void} takes a step */
export function stepOfPreset(engine, batch) {
  const { compute, replica } = presetTrainer(engine, batch);
  const { layout } = replica;
  const names = layout.buckets.flat().map(({ name }) => name);
  return () => {
    const result = compute();
    const gradients = sumGradients(names, [result.gradients]);
    const population = aggregatePopulation(layout, [result], replica.population.layers);
    replica.apply({ gradients, population });
  };
}

/** @param {Engine} engine @param {number} batch */
function presetTrainer(engine, batch) {
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
  const initial = initialTensors(layout.network, layout.config.seed);
  replica.load(withEmptySlots(layout, initial), 0);
  const samples = {
    count: batch,
    inputs: Uint8Array.from({ length: batch * PIXELS }, () => 256 * Math.random()),
    targets: Int32Array.from({ length: batch }, (_, index) => index % CLASSES),
  };
  const compute = () => computeShard(replica, { step: replica.step, firstSample: 0, samples });
  return { replica, compute };
}
