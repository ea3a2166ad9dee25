// What the shards of a step bring to its barriers (statistics/barrier.ts), and what is made of it: at each barrier the
// contributions of all shards are merged in the order of the shards, whatever the order in which they came. Pure.
import { type Barrier, mergeContributions } from "../../shared/statistics/barrier.js";
import type { ShardTask } from "./tasks.js";

export class BarrierCollector {
  private readonly barriers: readonly Barrier[];
  private readonly shards: readonly Pick<ShardTask, "shard" | "samples">[];
  /** At the present barrier, by shard. */
  private readonly arrived = new Map<number, Float32Array>();
  private readonly known: Float32Array[] = [];

  /** @param shards all of the step, in their order */
  constructor(
    barriers: readonly Barrier[],
    shards: readonly Pick<ShardTask, "shard" | "samples">[],
  ) {
    this.barriers = barriers;
    this.shards = shards;
  }

  /** The merged values of the barriers that all shards have come to, in their order. */
  get merged(): readonly Float32Array[] {
    return this.known;
  }

  /**
   * The first contribution of a shard to a barrier counts; what comes twice is dropped. With the last one the barrier's merged
   * values are known.
   * @returns whether it counts
   */
  add(shard: number, barrier: number, values: Float32Array): boolean {
    const isPresent = barrier === this.known.length && barrier < this.barriers.length;
    if (!isPresent || this.arrived.has(shard)) return false;
    this.arrived.set(shard, values);
    if (this.arrived.size === this.shards.length) this.merge(this.barriers[barrier]!);
    return true;
  }

  private merge(barrier: Barrier): void {
    const contributions = this.shards.map(({ shard, samples }) => {
      return { samples: samples.count, values: this.arrived.get(shard)! };
    });
    this.arrived.clear();
    this.known.push(mergeContributions(barrier, contributions));
  }
}
