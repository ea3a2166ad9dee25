// Computations of the preset `cnn` on an engine: the gradient (forward and backward pass of one shard), and a whole step.
import { aggregatePopulation, sumGradients } from "../../dist/coordinator/aggregate.js";
import { initialTensors } from "../../dist/shared/network/initial-values.js";
import { withEmptySlots } from "../../dist/shared/replica/initial-state.js";
import { computeShard } from "../../dist/shared/replica/shard-pass.js";
import { TrainingReplica } from "../../dist/shared/replica/training-replica.js";
import { layoutOfRun } from "../../dist/shared/run-layout.js";
import { presetConfig, presetSamples } from "./preset-config.mjs";

/** @typedef {import("../../dist/shared/engine/engine.js").Engine} Engine */

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
    const { step, population: before } = replica;
    const population = aggregatePopulation(layout, [result], step, before.layers);
    replica.apply({ gradients, population });
  };
}

/** @param {Engine} engine @param {number} batch */
function presetTrainer(engine, batch) {
  const spec =
    engine.name === "wasm"
      ? /** @type {const} */ ({ name: "wasm" })
      : /** @type {const} */ ({ name: "tensorflow", threads: 1 });
  const layout = layoutOfRun(presetConfig(spec, batch));
  const replica = new TrainingReplica(layout, engine);
  const initial = initialTensors(layout.network, layout.config.seed);
  replica.load(withEmptySlots(layout, initial), 0);
  const samples = presetSamples(batch);
  const compute = () => computeShard(replica, { step: replica.step, firstSample: 0, samples });
  return { replica, compute };
}
