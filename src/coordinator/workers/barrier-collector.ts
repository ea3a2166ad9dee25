// Collects the shards' contributions to a step's barriers (statistics/barrier.ts). At each barrier, the contributions of all
// shards are merged in shard order, regardless of the order in which they arrive. Pure.
import { type Barrier, mergeContributions } from "../../shared/statistics/barrier.js";
import type { ShardTask } from "./tasks.js";

export class BarrierCollector {
  private readonly barriers: readonly Barrier[];
  private readonly shards: readonly Pick<ShardTask, "shard" | "samples">[];
  /** Contributions to the current barrier, by shard. */
  private readonly arrived = new Map<number, Float32Array>();
  private readonly mergedValues: Float32Array[] = [];

  /** @param shards all shards of the step, in order */
  constructor(
    barriers: readonly Barrier[],
    shards: readonly Pick<ShardTask, "shard" | "samples">[],
  ) {
    this.barriers = barriers;
    this.shards = shards;
  }

  /** The merged values of the barriers that all shards have reached, in order. */
  get merged(): readonly Float32Array[] {
    return this.mergedValues;
  }

  /**
   * Adds a shard's contribution; the last one completes the barrier. A shard's first contribution counts, duplicates are
   * dropped.
   * @returns whether it counts
   */
  add(shard: number, barrier: number, values: Float32Array): boolean {
    const isCurrent = barrier === this.mergedValues.length && barrier < this.barriers.length;
    if (!isCurrent || this.arrived.has(shard)) return false;
    this.arrived.set(shard, values);
    if (this.arrived.size === this.shards.length) this.merge(this.barriers[barrier]!);
    return true;
  }

  private merge(barrier: Barrier): void {
    const contributions = this.shards.map(({ shard, samples }) => {
      return { samples: samples.count, values: this.arrived.get(shard)! };
    });
    this.arrived.clear();
    this.mergedValues.push(mergeContributions(barrier, contributions));
  }
}
