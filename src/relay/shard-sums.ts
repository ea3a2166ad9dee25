// Sums the dense gradients of the shards that a relay holds, by bucket, over the largest complete subtrees of the fixed tree
// (statistics/tree.ts). A sum is sent when all of its shards have arrived. How shards are grouped into sums does not change the bits
// of the coordinator's total. Pure.
import { GradientTree, type SubtreeSum } from "../shared/replica/gradient-tree.js";

/** A complete sum that must be sent now. */
export interface DueSum {
  bucket: number;
  from: number;
  count: number;
  tree: GradientTree;
}

interface BucketSums {
  tree: GradientTree;
  /** Shards that are part of a sum that was sent. */
  sent: Set<number>;
  /** Another relay's sums that include shards no longer held here: they cannot be split, and must not wait for more shards. */
  detached: { from: number; count: number }[];
}

export class ShardSums {
  private readonly held = new Set<number>();
  private readonly buckets: BucketSums[] = [];
  private readonly bucketCount: number;

  constructor(bucketCount: number) {
    this.bucketCount = bucketCount;
    this.clear();
  }

  /** The shard's gradients will arrive. */
  hold(shard: number): void {
    this.held.add(shard);
  }

  /** The shard's gradients are no longer needed, or will not arrive. */
  release(shard: number): void {
    this.held.delete(shard);
  }

  /** The step is over. */
  clear(): void {
    this.held.clear();
    this.buckets.length = 0;
    for (let bucket = 0; bucket < this.bucketCount; bucket++) {
      this.buckets.push({ tree: new GradientTree(), sent: new Set(), detached: [] });
    }
  }

  /**
   * Adds the gradients of a shard, or another relay's sum.
   * @returns false if one of its shards has already been sent in another sum, so that this one cannot be used
   */
  add(bucket: number, sum: SubtreeSum): boolean {
    const { tree, sent, detached } = this.buckets[bucket]!;
    const { from, count } = sum;
    const shards = Array.from({ length: count }, (_, index) => from + index);
    if (shards.some((shard) => sent.has(shard))) return false;
    tree.add(sum);
    if (!shards.every((shard) => this.held.has(shard))) detached.push({ from, count });
    return true;
  }

  /** Removes and returns the sums that are complete and cannot become part of larger ones; they count as sent. */
  takeDue(): DueSum[] {
    return this.buckets.flatMap((sums, bucket) => {
      const { tree, sent } = sums;
      const detached = sums.detached.splice(0);
      const due = [...detached];
      let next = 0;
      for (const shard of [...this.held].sort((a, b) => a - b)) {
        const isIn = ({ from, count }: { from: number; count: number }) =>
          shard >= from && shard < from + count;
        if (shard < next || sent.has(shard) || detached.some(isIn)) continue;
        const block = this.largestBlock(sums, shard);
        next = block.from + block.count;
        if (tree.isComplete(block.from, block.count)) due.push(block);
      }
      for (const { from, count } of due) {
        for (let shard = from; shard < from + count; shard++) sent.add(shard);
      }
      return due.map((block) => ({ bucket, ...block, tree }));
    });
  }

  /** Whether the shard's gradients of a bucket have been sent. */
  isSentOf(bucket: number, shard: number): boolean {
    return this.buckets[bucket]!.sent.has(shard);
  }

  /** Whether the shard's gradients of all buckets have been sent. */
  isSent(shard: number): boolean {
    return this.buckets.every(({ sent }) => sent.has(shard));
  }

  /** The largest complete subtree that includes the shard and whose shards are all held and unsent. */
  private largestBlock({ sent }: BucketSums, shard: number): { from: number; count: number } {
    let block = { from: shard, count: 1 };
    for (;;) {
      const count = 2 * block.count;
      const from = shard - (shard % count);
      for (let other = from; other < from + count; other++) {
        if (!this.held.has(other) || sent.has(other)) return block;
      }
      block = { from, count };
    }
  }
}
