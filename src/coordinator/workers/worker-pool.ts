// The pool as worker connections see it. A coordinator's pool assigns the tasks of its own steps (pool.ts), a relay's pool the
// tasks that the relay was sent (relay/relay-pool.ts).
import type { SubtreeSum } from "../../shared/replica/gradient-tree.js";
import type { Gradients } from "../../shared/replica/tensors.js";
import type { Answer, Task, Timing, WorkerLink } from "./tasks.js";

/** A bucket of a shard's gradients, before the rest of the answer. */
export interface BucketAnswer {
  taskId: number;
  bucket: number;
  gradients: Gradients;
  /** The dense gradients are not included; they arrive in a sum. */
  isSummed: boolean;
}

/** Dense gradients of a bucket, summed by a relay. */
export interface BucketSum extends SubtreeSum {
  step: number;
  bucket: number;
}

export interface WorkerPool {
  /** The worker has the current state and may be assigned tasks. */
  join(link: WorkerLink): void;
  /** The worker has left; its tasks are reassigned. */
  leave(link: WorkerLink, reason: string): void;
  /** The worker is connected but not up to date: no new tasks until `resume`. */
  suspend(link: WorkerLink): void;
  resume(link: WorkerLink): void;
  /** The number of tasks that the worker computes at a time has changed. */
  noteCapacity(link: WorkerLink): void;

  answer(link: WorkerLink, taskId: number, answer: Answer, timing: Timing): void;
  takeBucket(link: WorkerLink, bucket: BucketAnswer): void;
  takeSum(link: WorkerLink, sum: BucketSum): void;
  /** A shard has reached a barrier with these values. */
  takeContribution(link: WorkerLink, taskId: number, barrier: number, values: Float32Array): void;
  /** The worker, a relay, has no worker that can compute the task. */
  returnTask(link: WorkerLink, taskId: number): void;
  /**
   * A worker answered with unusable numbers.
   * @returns true if the run has diverged; false if the worker is at fault
   */
  hasDiverged(task: Task, problem: string): boolean;

  /** The worker's weights at a step equalled the coordinator's, or differed. */
  noteSameWeights(link: WorkerLink, step: number): void;
  noteDivergence(link: WorkerLink, step: number): void;
}
