// Which training samples are in the global batch of a step: a pure function of seed, step, batch size and sample count, so that a
// resumed run sees the same samples as one that never stopped.
import { permutation, Random } from "../random.js";

/** Sizes of the S shards of a batch of B samples: as equal as possible, the first B mod S one larger. */
export function shardSizes(batchSize: number, shardCount: number): number[] {
  const base = Math.floor(batchSize / shardCount);
  const larger = batchSize % shardCount;
  return Array.from({ length: shardCount }, (_, shard) => base + (shard < larger ? 1 : 0));
}

/**
 * An epoch is a permutation that depends on (seed, epoch number). Batches are consecutive; one that reaches the end of an epoch
 * continues in the next permutation, so no sample is dropped or repeated.
 */
export class Sampler {
  private readonly seed: number;
  private readonly sampleCount: number;
  private readonly batchSize: number;
  private readonly epochs = new Map<number, Uint32Array>();

  /** @param batchSize at most `sampleCount` */
  constructor(seed: number, sampleCount: number, batchSize: number) {
    this.seed = seed;
    this.sampleCount = sampleCount;
    this.batchSize = batchSize;
  }

  /** Indices of the samples in the global batch of `step` (from 0), in order. */
  batch(step: number): Uint32Array {
    const first = step * this.batchSize;
    const indices = new Uint32Array(this.batchSize);
    for (let position = 0; position < this.batchSize; position++) {
      const place = first + position;
      const epoch = Math.floor(place / this.sampleCount);
      indices[position] = this.order(epoch)[place % this.sampleCount]!;
    }
    return indices;
  }

  private order(epoch: number): Uint32Array {
    const known = this.epochs.get(epoch);
    if (known) return known;
    // A batch spans two epochs at most; earlier ones are not needed again.
    for (const other of this.epochs.keys()) {
      if (Math.abs(other - epoch) > 1) this.epochs.delete(other);
    }
    const order = permutation(new Random(this.seed, `epoch/${epoch}`), this.sampleCount);
    this.epochs.set(epoch, order);
    return order;
  }
}
