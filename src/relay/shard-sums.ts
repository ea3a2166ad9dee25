// What a relay adds up: the dense gradients of the shards that it holds, by bucket, over the largest complete subtrees of the fixed
// tree (statistics/tree.ts). A sum is sent when all of its shards have come. Which shards are together in a sum changes no bit of
// what the coordinator makes of it. Pure.
import { GradientTree, type SubtreeSum } from "../shared/replica/gradient-tree.js";

/** A sum that can be formed, and is to be sent now. */
export interface DueSum {
  bucket: number;
  from: number;
  count: number;
  tree: GradientTree;
}

interface BucketSums {
  tree: GradientTree;
  /** Shards that are in a sum that was sent. */
  sent: Set<number>;
  /** Sums of another relay's with shards that are no longer held here: they cannot be divided, nor wait for more. */
  lone: { from: number; count: number }[];
}

export class ShardSums {
  private readonly held = new Set<number>();
  private readonly buckets: BucketSums[] = [];
  private readonly bucketCount: number;

  constructor(bucketCount: number) {
    this.bucketCount = bucketCount;
    this.clear();
  }

  /** The shard's gradients will come. */
  hold(shard: number): void {
    this.held.add(shard);
  }

  /** The shard's gradients are not needed any more, or will not come. */
  release(shard: number): void {
    this.held.delete(shard);
  }

  /** The step is over. */
  clear(): void {
    this.held.clear();
    this.buckets.length = 0;
    for (let bucket = 0; bucket < this.bucketCount; bucket++) {
      this.buckets.push({ tree: new GradientTree(), sent: new Set(), lone: [] });
    }
  }

  /**
   * Gradients of a shard, or sums of another relay's.
   * @returns false where a part of them was sent in another sum, so that these are of no use
   */
  add(bucket: number, sum: SubtreeSum): boolean {
    const { tree, sent, lone } = this.buckets[bucket]!;
    const { from, count } = sum;
    const shards = Array.from({ length: count }, (_, index) => from + index);
    if (shards.some((shard) => sent.has(shard))) return false;
    tree.add(sum);
    if (!shards.every((shard) => this.held.has(shard))) lone.push({ from, count });
    return true;
  }

  /** The sums that can be formed now and not be part of larger ones; they count as sent. */
  takeDue(): DueSum[] {
    return this.buckets.flatMap((sums, bucket) => {
      const { tree, sent } = sums;
      const lone = sums.lone.splice(0);
      const due = [...lone];
      let next = 0;
      for (const shard of [...this.held].sort((a, b) => a - b)) {
        const isIn = ({ from, count }: { from: number; count: number }) =>
          shard >= from && shard < from + count;
        if (shard < next || sent.has(shard) || lone.some(isIn)) continue;
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

  /** Whether the shard's gradients of a bucket are sent. */
  isSentOf(bucket: number, shard: number): boolean {
    return this.buckets[bucket]!.sent.has(shard);
  }

  /** Whether the shard's gradients of all buckets are sent. */
  isSent(shard: number): boolean {
    return this.buckets.every(({ sent }) => sent.has(shard));
  }

  /** The largest complete subtree around a shard that is held and not sent. */
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
