// The shards that one relay was sent in a step, and those whose dense gradients have arrived in its sums. A relay may only sum
// shards that it was sent. Pure.
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
   * @returns false if the sum belongs to an earlier step and is too late
   * @throws FrameError if the relay may not send such a sum
   */
  add({ step, bucket, from, count }: FromWorker & { type: "sum" }): boolean {
    if (this.isLate(step)) return false;
    if (step !== this.step) throw new FrameError(`sum of step ${step} at step ${this.step}`);
    if (bucket >= this.bucketCount) {
      throw new FrameError(`gradient bucket ${bucket} of ${this.bucketCount}`);
    }
    if (count > this.sent.size || !isCompleteSubtree(from, count)) {
      throw new FrameError("sum over shards that are not a complete subtree");
    }
    const summed = this.summed.get(bucket) ?? new Set<number>();
    for (let shard = from; shard < from + count; shard++) {
      if (!this.sent.has(shard))
        throw new FrameError("sum over shards that the relay was not sent");
    }
    // A shard may be in several sums: a relay that is sent the state again starts the step again.
    for (let shard = from; shard < from + count; shard++) summed.add(shard);
    this.summed.set(bucket, summed);
    return true;
  }

  /** Whether messages of this step are too late to be used. */
  isLate(step: number): boolean {
    return step < this.step;
  }

  /** Whether the shard's sums of all buckets have arrived. */
  isComplete(shard: number): boolean {
    for (let bucket = 0; bucket < this.bucketCount; bucket++) {
      if (this.summed.get(bucket)?.has(shard) !== true) return false;
    }
    return true;
  }
}
