// Of one relay and one step: the shards that it was sent, and those whose dense gradients have come from it, added up with those
// of others. What a relay adds up is of shards that it was sent. Pure.
import { FrameError } from "../../shared/protocol/frame.js";
import type { FromWorker } from "../../shared/protocol/messages.js";
import { isCompleteSubtree } from "../../shared/statistics/tree.js";

export class SummedShards {
  private readonly bucketCount: number;
  private step = -1;
  private readonly sent = new Set<number>();
  /** By bucket. */
  private readonly summed = new Map<number, Set<number>>();

  constructor(bucketCount: number) {
    this.bucketCount = bucketCount;
  }

  noteSent(step: number, shard: number): void {
    if (step !== this.step) {
      this.step = step;
      this.sent.clear();
      this.summed.clear();
    }
    this.sent.add(shard);
  }

  /**
   * @returns false where the sum is one of an earlier step, which came too late
   * @throws FrameError where it cannot be one of this relay's
   */
  add({ step, bucket, from, count }: FromWorker & { type: "sum" }): boolean {
    if (this.isLate(step)) return false;
    if (step !== this.step) throw new FrameError(`a sum of step ${step}`);
    if (bucket >= this.bucketCount) {
      throw new FrameError(`gradient bucket ${bucket} of ${this.bucketCount}`);
    }
    if (count > this.sent.size || !isCompleteSubtree(from, count)) {
      throw new FrameError("a sum over shards that are no subtree of its own");
    }
    const summed = this.summed.get(bucket) ?? new Set<number>();
    for (let shard = from; shard < from + count; shard++) {
      if (!this.sent.has(shard)) throw new FrameError("a sum over shards of others");
    }
    // A shard may be in several: a relay that is sent the state again begins the step again.
    for (let shard = from; shard < from + count; shard++) summed.add(shard);
    this.summed.set(bucket, summed);
    return true;
  }

  /** Whether something of this step comes too late to be of use. */
  isLate(step: number): boolean {
    return step < this.step;
  }

  /** Whether the sums of all buckets have come that the shard is in. */
  isComplete(shard: number): boolean {
    for (let bucket = 0; bucket < this.bucketCount; bucket++) {
      if (this.summed.get(bucket)?.has(shard) !== true) return false;
    }
    return true;
  }
}
