// What the coordinator and every worker derive from a run's configuration: the network's shapes, the shards, the gradient
// buckets, and which gradients are sent as factors. Pure.
import type { RunConfig } from "./config.js";
import { TandemError } from "./errors.js";
import { shardSizes } from "./data/sampler.js";
import { gradientBuckets } from "./network/buckets.js";
import { buildNetwork } from "./network/build.js";
import { isFactored } from "./network/gradient-form.js";
import type { Network, ParameterSpec, StatisticsSpec } from "./network/network.js";
import { type Barrier, barriersOf } from "./statistics/barrier.js";
import { populationPasses } from "./statistics/population-passes.js";

export interface RunLayout {
  config: RunConfig;
  network: Network;
  /** Trainable parameters in the order of the backward pass, at least one; gradients are sent a bucket at a time. */
  buckets: readonly (readonly ParameterSpec[])[];
  /** Samples of each shard. */
  shardSizes: readonly number[];
  /** Samples of the largest shard, the first. */
  largestShard: number;
  /** Parameters whose gradients are sent as factors. */
  factored: ReadonlySet<string>;
  /** Where the shards of a step wait for each other: none unless batch normalisation is synchronised. */
  barriers: readonly Barrier[];
  /** The trainable batch-norm layers, grouped by the pass over the training set that computes their statistics. */
  populationPasses: readonly (readonly StatisticsSpec[])[];
}

/** @throws TandemError `network`, naming the layer, if the network is invalid */
export function layoutOfRun(config: RunConfig): RunLayout {
  const network = buildNetwork(config.network);
  const buckets = gradientBuckets(network).map(({ parameters }) => parameters);
  if (buckets.length === 0) {
    throw new TandemError(
      "network",
      "The network has no parameter to train: all layers are frozen.",
    );
  }
  const sizes = shardSizes(config.batchSize, config.shards);
  const largestShard = sizes[0]!;
  const factored = network.parameters.filter(
    (parameter) => parameter.trainable && isFactored(parameter, largestShard),
  );
  return {
    config,
    network,
    buckets,
    shardSizes: sizes,
    largestShard,
    factored: new Set(factored.map(({ name }) => name)),
    barriers: config.batchNorm === "sync" ? barriersOf(network) : [],
    populationPasses: populationPasses(network),
  };
}
