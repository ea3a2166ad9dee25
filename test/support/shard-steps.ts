// Steps of a replica in a test's own process: the shards, computed together, and how the coordinator combines their results.
import { aggregatePopulation, sumGradients, sumLosses } from "../../src/coordinator/aggregate.js";
import { type Samples, sliceSamples } from "../../src/shared/data/samples.js";
import { computeShardsTogether } from "../../src/shared/replica/shard-group.js";
import type { Gradient, Gradients } from "../../src/shared/replica/tensors.js";
import type { TrainingReplica } from "../../src/shared/replica/training-replica.js";

/** The step's shards of a global batch. */
export function shardsOf({ layout, step }: TrainingReplica, batch: Samples) {
  let firstSample = 0;
  return layout.shardSizes.map((count) => {
    const samples = sliceSamples(batch, firstSample, firstSample + count);
    const shard = { step, firstSample, samples };
    firstSample += count;
    return shard;
  });
}

/** One step on a global batch. */
export function takeStep(
  replica: TrainingReplica,
  batch: Samples,
): { loss: number; gradients: Gradients } {
  const { layout } = replica;
  const results = computeShardsTogether(replica, shardsOf(replica, batch));
  const names = layout.buckets.flat().map(({ name }) => name);
  const gradients = sumGradients(
    names,
    results.map((result) => result.gradients),
  );
  const population = aggregatePopulation(layout, results, replica.step, replica.population.layers);
  replica.apply({ gradients, population });
  return { loss: sumLosses(results), gradients };
}

/** A gradient as one array, whatever form it has; products of factors in float64. */
export function denseValues(gradient: Gradient): Float32Array {
  if (gradient.form === "dense") return gradient.values;
  const [{ rows, inputs, outputs }] = gradient.shards as [(typeof gradient.shards)[number]];
  const [height, width] = [inputs.length / rows, outputs.length / rows];
  const product = new Float64Array(height * width);
  for (const shard of gradient.shards) {
    for (let row = 0; row < shard.rows; row++) {
      for (let at = 0; at < product.length; at++) {
        const input = shard.inputs[row * height + Math.floor(at / width)]!;
        product[at]! += input * shard.outputs[row * width + (at % width)]!;
      }
    }
  }
  return Float32Array.from(product);
}
