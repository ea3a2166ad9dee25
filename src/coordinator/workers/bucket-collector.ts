// Gathers the gradients of a step by bucket: a bucket is complete once those of all shards have arrived, which is before
// the step's answers are. Pure.
import type { Gradients } from "../../shared/replica/tensors.js";
import type { Answered } from "./tasks.js";

export interface CompleteBucket {
  bucket: number;
  /** In the order of the shards. */
  shards: Gradients[];
}

export class BucketCollector implements AsyncIterable<CompleteBucket> {
  private readonly taskIds: readonly number[];
  private readonly bucketCount: number;
  /** By bucket, by task. */
  private readonly arrived = new Map<number, Map<number, Gradients>>();
  private answers: ReadonlyMap<number, Answered> | undefined;
  private error: Error | undefined;
  private nextBucket = 0;
  private wake: () => void = () => undefined;

  /** @param taskIds of the shards' tasks, in the order of the shards */
  constructor(taskIds: readonly number[], bucketCount: number) {
    this.taskIds = taskIds;
    this.bucketCount = bucketCount;
  }

  /** The first gradients of a task's bucket count; what comes twice is dropped. */
  add(taskId: number, bucket: number, gradients: Gradients): void {
    if (!this.taskIds.includes(taskId)) return;
    const tasks = this.arrived.get(bucket) ?? new Map<number, Gradients>();
    this.arrived.set(bucket, tasks);
    if (!tasks.has(taskId)) tasks.set(taskId, gradients);
    if (tasks.size === this.taskIds.length) this.wake();
  }

  /** All tasks are answered: the answers hold every bucket that has not been complete before. */
  complete(answers: ReadonlyMap<number, Answered>): void {
    this.answers = answers;
    this.wake();
  }

  fail(error: Error): void {
    this.error = error;
    this.wake();
  }

  /** The buckets in their order. @throws what `fail` was called with */
  async *[Symbol.asyncIterator](): AsyncGenerator<CompleteBucket> {
    while (this.nextBucket < this.bucketCount) {
      const shards = this.shardsOf(this.nextBucket);
      if (shards) {
        yield { bucket: this.nextBucket++, shards };
        continue;
      }
      if (this.error) throw this.error;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  private shardsOf(bucket: number): Gradients[] | undefined {
    const tasks = this.arrived.get(bucket);
    const shards: Gradients[] = [];
    for (const id of this.taskIds) {
      const gradients = tasks?.get(id) ?? gradientsOf(this.answers?.get(id));
      if (!gradients) return undefined;
      shards.push(gradients);
    }
    return shards;
  }
}

function gradientsOf(answered: Answered | undefined): Gradients | undefined {
  return answered?.answer.kind === "shard" ? answered.answer.result.gradients : undefined;
}
