// Trains on an engine and digests every bit that comes of it: losses, weights, slots and statistics.
import { createHash } from "node:crypto";
import { aggregatePopulation, sumGradients } from "../../src/coordinator/aggregate.js";
import type { RunConfig } from "../../src/shared/config.js";
import type { Engine } from "../../src/shared/engine/engine.js";
import { initialTensors } from "../../src/shared/network/initial-values.js";
import { sizeOf } from "../../src/shared/network/network.js";
import { Random } from "../../src/shared/random.js";
import { firstNonFinite } from "../../src/shared/replica/finite.js";
import { withEmptySlots } from "../../src/shared/replica/initial-state.js";
import { evaluateSamples } from "../../src/shared/replica/inference.js";
import { computeShardsTogether } from "../../src/shared/replica/shard-group.js";
import { TrainingReplica } from "../../src/shared/replica/training-replica.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import type { Samples } from "../../src/shared/data/samples.js";

/** @returns SHA-256, hex */
export function digestTraining(engine: Engine, config: RunConfig, steps: number): string {
  const layout = layoutOfRun(config);
  const replica = new TrainingReplica(layout, engine);
  const hash = createHash("sha256");
  try {
    replica.load(withEmptySlots(layout, initialTensors(layout.network, config.seed)), 0);
    for (let step = 0; step < steps; step++) {
      let firstSample = 0;
      const shards = layout.shardSizes.map((count, shard) => {
        const samples = drawSamples(config, count, `${step} ${shard}`);
        const task = { step, firstSample, samples };
        firstSample += count;
        return task;
      });
      const results = computeShardsTogether(replica, shards);
      const names = layout.buckets.flat().map(({ name }) => name);
      replica.apply({
        gradients: sumGradients(
          names,
          results.map(({ gradients }) => gradients),
        ),
        population: aggregatePopulation(layout, results, step, replica.population.layers),
      });
      for (const { loss } of results) hash.update(Float64Array.of(loss));
    }
    const evaluated = evaluateSamples(replica, drawSamples(config, 7, "evaluation"));
    hash.update(Float64Array.of(evaluated.lossSum)).update(evaluated.predictions);
    const state = replica.snapshot("with-slots");
    const name = firstNonFinite(state);
    // The bits of a NaN are not specified, so a digest of them would mean nothing.
    if (name !== undefined) throw new RangeError(`${name} is not finite`);
    for (const { values } of state) hash.update(values);
  } finally {
    replica.dispose();
  }
  return hash.digest("hex");
}

/** Images of random bytes, in random classes. */
function drawSamples({ network, data }: RunConfig, count: number, stream: string): Samples {
  const random = new Random(0, `samples ${stream}`);
  const size = count * sizeOf(network.inputShape);
  return {
    count,
    inputs: Uint8Array.from({ length: size }, () => random.below(256)),
    targets: Int32Array.from({ length: count }, () => random.below(data.target.count)),
  };
}
