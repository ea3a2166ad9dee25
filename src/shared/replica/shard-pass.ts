// A shard's forward and backward pass on a replica. At each barrier of synchronised batch normalisation it pauses until the
// contributions of all shards have been merged.
import { trainedStatistics } from "../network/network.js";
import type { Shard } from "./feeds.js";
import type { Replica } from "./replica.js";
import { ShardComputation } from "./shard-computation.js";
import type { Gradient, Gradients, ShardResult } from "./tensors.js";

export type { Shard } from "./feeds.js";

/**
 * A pass in progress: at each barrier of the layout it yields the shard's contribution, and is resumed with the merged values
 * (statistics/barrier.ts). To end it early, and free what it holds, call `endPass`.
 */
export type ShardPass = Generator<Float32Array, ShardResult, Float32Array>;

/**
 * Called with the gradients of each bucket but the last as soon as they are computed, before those of earlier layers are.
 */
export type OnBucket = (bucket: number, gradients: Gradients) => void;

/**
 * Begins a shard's pass; each `next()` computes up to the next barrier. Without barriers, batch-norm layers normalise with the
 * shard's own moments, and the backward pass differentiates through them. Each run uses the replica's current weights, which
 * must be those of the shard's step until the pass has ended.
 * @param onContribution called with each contribution before it is yielded: between the two, the pass computes buckets that
 * need no later barrier, and the other shards need not wait for them
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
        const computed = computation.computeBucket(bucket, run);
        for (const [name, gradient] of computed) gradients.set(name, gradient);
        if (bucket < buckets.length - 1) onBucket?.(bucket, computed);
      }
      if (contribution) computation.proceed(phase.atBarrier!, yield contribution);
    }
    const { moments, losses } = replica.graph.training;
    const layerMoments = trainedStatistics(network).map(({ name, valuesPerSample }) => {
      const { mean, variance } = moments.get(name)!;
      const values = { mean: computation.floats(mean), variance: computation.floats(variance) };
      return [name, { count: shard.samples.count * valuesPerSample, ...values }] as const;
    });
    const loss = sum(computation.floats(losses)) / config.batchSize;
    return { loss, gradients, moments: new Map(layerMoments) };
  } finally {
    scope.close();
  }
}

/** Ends a pass and frees what it holds, whether it has not begun, pauses at a barrier, or has returned. */
export function endPass(pass: ShardPass): void {
  // The generator's type asks for a result, which nobody reads here.
  pass.return(undefined as never);
}

/**
 * Computes a shard of a step without barriers.
 * @throws RangeError if the step has barriers
 */
export function computeShard(replica: Replica, shard: Shard, onBucket?: OnBucket): ShardResult {
  const pass = beginShard(replica, shard, onBucket);
  const { done, value } = pass.next();
  if (done) return value;
  endPass(pass);
  throw new RangeError("a shard of a step with barriers cannot be computed alone");
}

/** In float64 and in order, so that every machine gets the same bits. */
function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
