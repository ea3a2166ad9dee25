// Collects the gradients of a step by bucket. A bucket is complete once the gradients of all shards have arrived, which is
// before the step's answers are complete. Relays send dense gradients summed over complete subtrees of the shards; where sums
// overlap they hold the same values, and count once. Pure.
import { GradientTree, type SubtreeSum } from "../../shared/replica/gradient-tree.js";
import type { Gradients } from "../../shared/replica/tensors.js";
import type { WorkerAnswer } from "./tasks.js";

export interface CompleteBucket {
  bucket: number;
  /** In shard order; only the factored gradients of shards that a relay has summed. */
  shards: Gradients[];
  /** The dense gradients of all shards. */
  dense: GradientTree;
}

/** The part of a bucket that has arrived. */
interface Arrived {
  /** By task. */
  shards: Map<number, Gradients>;
  dense: GradientTree;
}

export class BucketCollector implements AsyncIterable<CompleteBucket> {
  private readonly taskIds: readonly number[];
  private readonly bucketCount: number;
  private readonly arrived = new Map<number, Arrived>();
  private error: Error | undefined;
  private nextBucket = 0;
  private wake: () => void = () => undefined;

  /** @param taskIds of the shards' tasks, in shard order */
  constructor(taskIds: readonly number[], bucketCount: number) {
    this.taskIds = taskIds;
    this.bucketCount = bucketCount;
  }

  /**
   * Adds a bucket of one task. The first gradients count, duplicates are dropped.
   * @param isSummed the dense gradients are not included; they are added by `addSum`
   */
  add(taskId: number, bucket: number, gradients: Gradients, isSummed = false): void {
    const shard = this.taskIds.indexOf(taskId);
    if (shard < 0 || bucket < this.nextBucket) return;
    const { shards, dense } = this.of(bucket);
    if (!shards.has(taskId)) shards.set(taskId, gradients);
    if (!isSummed) dense.add({ from: shard, count: 1, gradients });
    this.wake();
  }

  /** Adds the summed dense gradients of several shards. */
  addSum(bucket: number, sum: SubtreeSum): void {
    if (bucket < this.nextBucket) return;
    this.of(bucket).dense.add(sum);
    this.wake();
  }

  /** All tasks are answered: adds the buckets that are not complete yet from the answers. */
  complete(answers: ReadonlyMap<number, WorkerAnswer>): void {
    for (let bucket = this.nextBucket; bucket < this.bucketCount; bucket++) {
      for (const id of this.taskIds) {
        const answer = answers.get(id)?.answer;
        if (answer?.kind !== "shard") continue;
        this.add(id, bucket, answer.result.gradients, answer.isSummed);
      }
    }
    this.wake();
  }

  fail(error: Error): void {
    this.error = error;
    this.wake();
  }

  /** Yields the buckets in order. @throws the error that `fail` was called with */
  async *[Symbol.asyncIterator](): AsyncGenerator<CompleteBucket> {
    while (this.nextBucket < this.bucketCount) {
      const complete = this.completeBucket(this.nextBucket);
      if (complete) {
        this.arrived.delete(this.nextBucket++);
        yield complete;
        continue;
      }
      if (this.error) throw this.error;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  private completeBucket(bucket: number): CompleteBucket | undefined {
    const { shards, dense } = this.of(bucket);
    const { length } = this.taskIds;
    if (shards.size < length || !dense.isComplete(0, length)) return undefined;
    return { bucket, shards: this.taskIds.map((id) => shards.get(id)!), dense };
  }

  private of(bucket: number): Arrived {
    const known = this.arrived.get(bucket);
    if (known) return known;
    const arrived: Arrived = { shards: new Map(), dense: new GradientTree() };
    this.arrived.set(bucket, arrived);
    return arrived;
  }
}
