// A shard's forward and backward pass on a replica: what a worker does with a task. At each barrier of synchronised batch
// normalisation it pauses until the contributions of all shards have been merged.
import { trainedStatistics } from "../network/network.js";
import type { Shard } from "./feeds.js";
import type { Replica } from "./replica.js";
import { ShardComputation } from "./shard-computation.js";
import type { Gradient, Gradients, ShardResult } from "./tensors.js";

export type { Shard } from "./feeds.js";

/**
 * A shard's part of a step in progress: at each barrier of the layout it yields its contribution, and goes on with what all
 * shards go on with (statistics/barrier.ts). Ended early with `endPass`, it frees what it holds.
 */
export type ShardPass = Generator<Float32Array, ShardResult, Float32Array>;

/**
 * Called with the gradients of each bucket but the last as soon as they are there, while those of the layers before are still
 * to be computed.
 */
export type OnBucket = (bucket: number, gradients: Gradients) => void;

/**
 * Begins a shard's part of the step, which `next()` computes up to the next barrier. Without barriers batch-norm layers
 * normalise with the shard's own moments, and the backward pass differentiates through them. Each run computes with the
 * replica's weights at its time, which must be those of the shard's step until the pass has ended.
 * @param onContribution called with each contribution before it is yielded. Buckets that need no later barrier are computed
 * in between, and the other shards need not wait for that
 */
export function* beginShard(
  replica: Replica,
  shard: Shard,
  onBucket?: OnBucket,
  onContribution?: (contribution: Float32Array) => void,
): ShardPass {
  const { buckets, network, config } = replica.layout;
  const scope = replica.session.openScope();
  try {
    const computation = new ShardComputation(replica, shard, scope);
    const gradients = new Map<string, Gradient>();
    for (const phase of computation.phases) {
      const contribution = phase.atBarrier && computation.contribute(phase.atBarrier);
      if (contribution) onContribution?.(contribution);
      for (const { bucket, run } of phase.buckets) {
        const ofBucket = computation.computeBucket(bucket, run);
        for (const [name, gradient] of ofBucket) gradients.set(name, gradient);
        if (bucket < buckets.length - 1) onBucket?.(bucket, ofBucket);
      }
      if (contribution) computation.proceed(phase.atBarrier!, yield contribution);
    }
    const { moments, losses } = replica.graph.training;
    const ofLayers = trainedStatistics(network).map(({ name, valuesPerSample }) => {
      const { mean, variance } = moments.get(name)!;
      const values = { mean: computation.floats(mean), variance: computation.floats(variance) };
      return [name, { count: shard.samples.count * valuesPerSample, ...values }] as const;
    });
    const loss = sum(computation.floats(losses)) / config.batchSize;
    return { loss, gradients, moments: new Map(ofLayers) };
  } finally {
    scope.close();
  }
}

/** Ends a pass, whether it has begun, has returned, or pauses at a barrier: it holds nothing any more. */
export function endPass(pass: ShardPass): void {
  // The result that an ended pass returns is the caller's.
  pass.return(undefined as never);
}

/**
 * Computes the shard's part of a step without barriers.
 * @throws RangeError where the shards of a step wait for each other
 */
export function computeShard(replica: Replica, shard: Shard, onBucket?: OnBucket): ShardResult {
  const pass = beginShard(replica, shard, onBucket);
  const { done, value } = pass.next();
  if (done) return value;
  endPass(pass);
  throw new RangeError("a shard of a step with barriers cannot be computed alone");
}

/** In float64 and in order, so that it is the same wherever it is added up. */
function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
