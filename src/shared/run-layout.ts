// What follows from a run's configuration for everyone who takes part in it: the network's shapes, the shards, the gradient
// buckets, and which gradients travel as factors. Pure.
import type { RunConfig } from "./config.js";
import { shardSizes } from "./data/sampler.js";
import { gradientBuckets } from "./network/buckets.js";
import { buildNetwork } from "./network/build.js";
import { isFactored } from "./network/gradient-form.js";
import type { Network, ParameterSpec } from "./network/network.js";

export interface RunLayout {
  config: RunConfig;
  network: Network;
  /** Trainable parameters in the order of the backward pass; gradients are sent a bucket at a time. */
  buckets: readonly (readonly ParameterSpec[])[];
  /** Samples of each shard. */
  shardSizes: readonly number[];
  /** Samples of the largest shard, the first. */
  largestShard: number;
  /** Parameters whose gradients are carried as factors. */
  factored: ReadonlySet<string>;
}

/** @throws TandemError `network`, naming the layer, where the configuration's network is none */
export function layoutOfRun(config: RunConfig): RunLayout {
  const network = buildNetwork(config.network);
  const sizes = shardSizes(config.batchSize, config.shards);
  const largestShard = sizes[0]!;
  const factored = network.parameters.filter(
    (parameter) => parameter.trainable && isFactored(parameter, largestShard),
  );
  return {
    config,
    network,
    buckets: gradientBuckets(network).map(({ parameters }) => parameters),
    shardSizes: sizes,
    largestShard,
    factored: new Set(factored.map(({ name }) => name)),
  };
}
