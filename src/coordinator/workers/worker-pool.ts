// What connections need of a pool: who takes part, and what becomes of answers. A coordinator's pool has the tasks of its own
// steps (pool.ts), a relay's those that it was sent (relay/relay-pool.ts).
import type { SubtreeSum } from "../../shared/replica/gradient-tree.js";
import type { Gradients } from "../../shared/replica/tensors.js";
import type { Answer, Task, Timing, WorkerLink } from "./tasks.js";

/** A bucket of a shard's gradients, before the rest of the answer. */
export interface BucketAnswer {
  taskId: number;
  bucket: number;
  gradients: Gradients;
  /** The dense ones are not among them: they come, or came, in a sum. */
  isSummed: boolean;
}

/** Dense gradients of a bucket, added up by a relay. */
export interface BucketSum extends SubtreeSum {
  step: number;
  bucket: number;
}

export interface WorkerPool {
  /** The worker has the present state and may be assigned tasks. */
  join(link: WorkerLink): void;
  /** The worker is gone for good; its tasks are reassigned. */
  leave(link: WorkerLink, reason: string): void;
  /** The worker is there but not up to date: no new tasks until `resume`. */
  suspend(link: WorkerLink): void;
  resume(link: WorkerLink): void;
  /** The worker computes more tasks at a time than before, or fewer. */
  noteCapacity(link: WorkerLink): void;

  answer(link: WorkerLink, taskId: number, answer: Answer, timing: Timing): void;
  takeBucket(link: WorkerLink, bucket: BucketAnswer): void;
  takeSum(link: WorkerLink, sum: BucketSum): void;
  /** A shard has come to a barrier with these values. */
  takeContribution(link: WorkerLink, taskId: number, barrier: number, values: Float32Array): void;
  /** The worker, a relay, has nobody who computes the task. */
  takeBack(link: WorkerLink, taskId: number): void;
  /**
   * A worker answered with numbers that no training can go on with.
   * @returns true where the run is at fault, and not the worker
   */
  hasDiverged(task: Task, problem: string): boolean;

  /** At a step the worker's weights were the coordinator's, or were not. */
  noteSameWeights(link: WorkerLink, step: number): void;
  noteDivergence(link: WorkerLink, step: number): void;
}
