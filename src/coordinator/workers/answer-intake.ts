// Checks each message of a worker's answers against its task and passes it on: gradients to the broadcast and the pool as they
// arrive; contributions to barriers, answers and relays' sums to the pool.
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

/** Largest share of this process's time that may be spent on checking false reports of unusable numbers. */
const FALSE_REPORT_SHARE = 1 / 10;

export interface IntakeParts {
  worker: WorkerLink;
  tasks: AssignedTasks;
  pool: WorkerPool;
  broadcast: Pick<WorkerBroadcast, "layout" | "takeBucket">;
  /** Undefined unless the worker is a relay. */
  summed: () => SummedShards | undefined;
  /** Called when a valid answer has arrived. */
  onAnswered: () => void;
}

export class AnswerIntake {
  private readonly parts: IntakeParts;
  /** The time from which a relay's next report of unusable numbers is checked. */
  private nextReportMs = 0;

  constructor(parts: IntakeParts) {
    this.parts = parts;
  }

  /** One bucket of a shard's gradients, which the coordinator and other workers can use before the answer is complete. */
  takeGradients(message: FromWorker & { type: "gradients" }, parts: readonly Uint8Array[]): void {
    const { tasks, pool, broadcast, worker } = this.parts;
    const assigned = tasks.get(message.task);
    // Duplicate and late gradients are dropped without penalty.
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

  /** Dense gradients that a relay has summed over several shards. */
  takeSum(message: FromWorker & { type: "sum" }, parts: readonly Uint8Array[]): void {
    const { pool, broadcast, worker, summed } = this.parts;
    try {
      if (summed()?.add(message) === false) return;
      const { step, bucket, from, count } = message;
      const gradients = readSumOf(message, parts, broadcast.layout);
      pool.takeSum(worker, { step, bucket, from, count, gradients });
    } catch (error) {
      // A relay checks its workers' numbers before it sums them, so even unusable numbers are its own fault.
      if (!(error instanceof FrameError)) throw error;
      throw new InvalidAnswerError(error.message, { cause: error });
    }
  }

  /** A relay has no worker that can compute the task. */
  takeReturned({ task }: FromWorker & { type: "returned" }): void {
    const { tasks, pool, worker } = this.parts;
    if (!tasks.get(task)) return;
    tasks.remove(task);
    pool.returnTask(worker, task);
  }

  /** A relay's worker answered with unusable numbers. Checked at most once per task. */
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

  /** A shard has reached a barrier; the pool decides when it continues. */
  takeContribution(message: FromWorker & { type: "barrier" }, parts: readonly Uint8Array[]): void {
    const { tasks, pool, broadcast, worker } = this.parts;
    const assigned = tasks.get(message.task);
    // Late contributions are dropped without penalty; of duplicates the pool uses the first.
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
    // Duplicate answers are dropped without penalty; the pool drops late ones.
    if (!assigned) return;
    const { task } = assigned;
    const nowMs = performance.now();
    tasks.remove(task.id);
    if (message.type === "result" && this.checkSummed(message)) {
      const summed = this.parts.summed();
      if (summed?.isLate(message.step)) return;
      if (!summed?.isComplete(message.shard)) {
        throw new InvalidAnswerError("result received before its sums");
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

  /** Relays always sum dense gradients; other workers never do. @throws InvalidAnswerError */
  private checkSummed(message: { summed?: true | undefined }): boolean {
    const summed = message.summed === true;
    const isRelay = this.parts.summed() !== undefined;
    if (summed === isRelay) return summed;
    throw new InvalidAnswerError(
      summed ? "summed gradients from a worker" : "a relay's gradients are not summed",
    );
  }

  /**
   * @returns undefined if the numbers are unusable because the run has diverged
   * @throws InvalidAnswerError if the worker is at fault
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

/** A worker's answer does not match its task. */
export class InvalidAnswerError extends Error {}
