// What a worker's answers are and where they go: each is checked against its task; gradients go to the pool and the broadcast
// as they come, contributions to barriers, answers, and what relays have added up, to the pool.
import { FrameError } from "../../shared/protocol/frame.js";
import type { FromWorker } from "../../shared/protocol/messages.js";
import type { WorkerBroadcast } from "../broadcast/broadcast.js";
import type { AssignedTasks } from "./assigned-tasks.js";
import {
  readAnswer,
  readBucketAnswer,
  readContributionOf,
  readSumOf,
  UnusableAnswerError,
} from "./checked-answer.js";
import type { SummedShards } from "./summed-shards.js";
import type { Task, WorkerLink } from "./tasks.js";
import type { WorkerPool } from "./worker-pool.js";

/** A report of unusable numbers that is not true may cost so much of this process's time, and no more. */
const FALSE_REPORT_SHARE = 1 / 10;

export interface IntakeParts {
  worker: WorkerLink;
  tasks: AssignedTasks;
  pool: WorkerPool;
  broadcast: Pick<WorkerBroadcast, "layout" | "takeBucket">;
  /** Of a relay, and of nobody else. */
  summed: () => SummedShards | undefined;
  /** A task is answered, rightly. */
  onAnswered: () => void;
}

export class AnswerIntake {
  private readonly parts: IntakeParts;
  /** When a relay's report of unusable numbers is looked into again. */
  private nextReportMs = 0;

  constructor(parts: IntakeParts) {
    this.parts = parts;
  }

  /** Some gradients of an answer; what the coordinator or other workers can do with them already is done at once. */
  takeGradients(message: FromWorker & { type: "gradients" }, parts: readonly Uint8Array[]): void {
    const { tasks, pool, broadcast, worker } = this.parts;
    const assigned = tasks.get(message.task);
    // Repeated and late ones are no offence.
    if (!assigned || message.bucket < assigned.bucketCount) return;
    const isSummed = this.checkSummed(message);
    const gradients = this.read(assigned.task, () =>
      readBucketAnswer(assigned.task, message, assigned.bucketCount, parts, broadcast.layout),
    );
    if (!gradients) return;
    for (const [name, gradient] of gradients) assigned.gradients.set(name, gradient);
    assigned.bucketCount++;
    const { task: taskId, step, shard, bucket } = message;
    broadcast.takeBucket({ from: worker, step, shard, bucket, gradients });
    pool.takeBucket(worker, { taskId, bucket, gradients, isSummed });
  }

  /** Dense gradients that a relay has added up. Of which shards' answers they are a part, the pool need not know. */
  takeSum(message: FromWorker & { type: "sum" }, parts: readonly Uint8Array[]): void {
    const { pool, broadcast, worker, summed } = this.parts;
    try {
      if (summed()?.add(message) === false) return;
      const { step, bucket, from, count } = message;
      const gradients = readSumOf(message, parts, broadcast.layout);
      pool.takeSum(worker, { step, bucket, from, count, gradients });
    } catch (error) {
      // A relay has checked its workers' numbers, and knows what it may add up.
      if (!(error instanceof FrameError)) throw error;
      throw new InvalidAnswerError(error.message, { cause: error });
    }
  }

  /** A relay has nobody who computes the task. */
  takeBack({ task }: FromWorker & { type: "returned" }): void {
    const { tasks, pool, worker } = this.parts;
    if (!tasks.get(task)) return;
    tasks.remove(task);
    pool.takeBack(worker, task);
  }

  /** A relay's worker answered with unusable numbers; once per task that is worth finding out whose fault it is. */
  takeUnusable({ task }: FromWorker & { type: "unusable" }): void {
    const { tasks, pool } = this.parts;
    const assigned = tasks.get(task);
    const startMs = performance.now();
    if (!assigned || assigned.isUnusable || startMs < this.nextReportMs) return;
    assigned.isUnusable = true;
    if (pool.hasDiverged(assigned.task, "a relay's worker answered with them")) return;
    const endMs = performance.now();
    this.nextReportMs = endMs + (endMs - startMs) / FALSE_REPORT_SHARE;
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
    if (message.type === "result" && this.checkSummed(message)) {
      const summed = this.parts.summed();
      if (summed?.isLate(message.step)) return;
      if (!summed?.isComplete(message.shard)) {
        throw new InvalidAnswerError("a result before its sums");
      }
    }
    const answer = this.read(task, () =>
      readAnswer(task, message, assigned, parts, broadcast.layout),
    );
    if (!answer) return;
    tasks.noteAnswered(assigned, nowMs);
    this.parts.onAnswered();
    pool.answer(worker, task.id, answer, tasks.timingOf(assigned, message.computed, nowMs));
  }

  /** Relays add up dense gradients, always, and nobody else does. @throws InvalidAnswerError */
  private checkSummed(message: { summed?: true | undefined }): boolean {
    const summed = message.summed === true;
    const isRelay = this.parts.summed() !== undefined;
    if (summed === isRelay) return summed;
    throw new InvalidAnswerError(summed ? "gradients in sums" : "gradients that are not in sums");
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
