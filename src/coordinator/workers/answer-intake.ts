// What a worker's answers are and where they go: each is checked against its task; gradients go to the pool and the broadcast
// as they come, contributions to barriers and answers to the pool.
import { FrameError } from "../../shared/protocol/frame.js";
import type { FromWorker } from "../../shared/protocol/messages.js";
import type { Broadcast } from "../broadcast/broadcast.js";
import type { AssignedTasks } from "./assigned-tasks.js";
import {
  readAnswer,
  readBucketAnswer,
  readContributionOf,
  UnusableAnswerError,
} from "./checked-answer.js";
import type { Pool } from "./pool.js";
import type { Task, WorkerLink } from "./tasks.js";

export interface IntakeParts {
  worker: WorkerLink;
  tasks: AssignedTasks;
  pool: Pool;
  broadcast: Broadcast;
  /** A task is answered, rightly. */
  onAnswered: () => void;
}

export class AnswerIntake {
  private readonly parts: IntakeParts;

  constructor(parts: IntakeParts) {
    this.parts = parts;
  }

  /** Some gradients of an answer; what the coordinator or other workers can do with them already is done at once. */
  takeGradients(message: FromWorker & { type: "gradients" }, parts: readonly Uint8Array[]): void {
    const { tasks, pool, broadcast, worker } = this.parts;
    const assigned = tasks.get(message.task);
    // Repeated and late ones are no offence.
    if (!assigned || message.bucket < assigned.bucketCount) return;
    const gradients = this.read(assigned.task, () =>
      readBucketAnswer(assigned.task, message, assigned.bucketCount, parts, broadcast.layout),
    );
    if (!gradients) return;
    for (const [name, gradient] of gradients) assigned.gradients.set(name, gradient);
    assigned.bucketCount++;
    const { task, step, shard, bucket } = message;
    broadcast.takeBucket({ from: worker, step, shard, bucket, gradients });
    pool.takeBucket(worker, task, bucket, gradients);
  }

  /** A shard has come to a barrier; the pool says when it goes on. */
  takeContribution(message: FromWorker & { type: "barrier" }, parts: readonly Uint8Array[]): void {
    const { tasks, pool, broadcast, worker } = this.parts;
    const assigned = tasks.get(message.task);
    // Late ones are no offence; of repeated ones the pool uses the first.
    if (!assigned) return;
    const { task } = assigned;
    const { barrier } = message;
    const values = this.read(task, () =>
      readContributionOf(task, message, assigned, parts, broadcast.layout),
    );
    if (!values) return;
    tasks.noteArrived(assigned, barrier, performance.now());
    pool.takeContribution(worker, task.id, barrier, values);
  }

  takeAnswer(
    message: FromWorker & { type: "result" | "evaluated" | "measured" },
    parts: readonly Uint8Array[],
  ): void {
    const { tasks, pool, broadcast, worker } = this.parts;
    const assigned = tasks.get(message.task);
    // Repeated answers are no offence; late ones the pool drops, as the task has become another's in the meantime.
    if (!assigned) return;
    const { task } = assigned;
    const nowMs = performance.now();
    tasks.remove(task.id);
    const answer = this.read(task, () =>
      readAnswer(task, message, assigned, parts, broadcast.layout),
    );
    if (!answer) return;
    tasks.noteAnswered(assigned, nowMs);
    this.parts.onAnswered();
    pool.answer(worker, task.id, answer, tasks.timingOf(assigned, message.computed, nowMs));
  }

  /**
   * @returns undefined where the numbers are unusable and the run is at fault
   * @throws InvalidAnswerError where the worker is
   */
  private read<T>(task: Task, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      const isRunsFault =
        error instanceof UnusableAnswerError && this.parts.pool.hasDiverged(task, error.message);
      if (isRunsFault) return undefined;
      throw new InvalidAnswerError(error.message, { cause: error });
    }
  }
}

/** A worker's answer cannot be the one to its task. */
export class InvalidAnswerError extends Error {}
