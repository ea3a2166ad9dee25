// The tasks that one worker holds, how long it takes for them, and when they were computed by the coordinator's clock. A task
// that waits at a barrier for others owes nothing. Pure: the time is passed in.
import type { Gradient } from "../../shared/replica/tensors.js";
import { ClockOffset } from "./clock-offset.js";
import type { MergedBarrier, Task, Timing } from "./tasks.js";

/** A task may take so many times what this worker's slowest took, before its silence means anything. */
const SILENCE_FACTOR = 3;
/** … and before the worker counts as one that answers nothing. */
const ANSWER_FACTOR = 10;

export interface AssignedTask {
  task: Task;
  sinceMs: number;
  /** When the worker was sent what it needs for what it owes now: the task, or what it waited for at a barrier … */
  owedSinceMs: number;
  /** … and when the operating system had accepted that; before then the worker cannot have seen it. */
  acceptedMs: number | undefined;
  /** The gradients that have come of its answer so far, and of how many buckets. */
  gradients: Map<string, Gradient>;
  bucketCount: number;
  /** Barriers that the task has come to, and those that it may pass. */
  barrierCount: number;
  mergedCount: number;
  /** A relay has reported that a worker of its own answered it with unusable numbers. */
  isUnusable: boolean;
}

export class AssignedTasks {
  private readonly tasks = new Map<number, AssignedTask>();
  private readonly clock = new ClockOffset();
  /** Of which step the worker was sent the merged values of how many barriers. */
  private merged = { step: -1, count: 0 };
  private slowestAnswerMs: number | undefined;
  private lastAnswerMs = -Infinity;

  add(task: Task, nowMs: number): void {
    this.dropWaiting(task.step);
    // Of a task that is assigned again some gradients may have come already.
    const { gradients, bucketCount, barrierCount } = this.tasks.get(task.id) ?? {
      gradients: new Map<string, Gradient>(),
      ...{ bucketCount: 0, barrierCount: 0 },
    };
    const mergedCount = this.merged.step === task.step ? this.merged.count : 0;
    const times = { sinceMs: nowMs, owedSinceMs: nowMs, acceptedMs: undefined };
    const counts = { bucketCount, barrierCount, mergedCount };
    this.tasks.set(task.id, { task, ...times, gradients, ...counts, isUnusable: false });
  }

  /** The worker is sent what its tasks go on with from a barrier. */
  addMerged({ step, barrier }: Pick<MergedBarrier, "step" | "barrier">, nowMs: number): void {
    this.merged = { step, count: barrier + 1 };
    for (const assigned of this.tasks.values()) {
      if (assigned.task.step !== step) continue;
      if (isWaiting(assigned)) {
        assigned.owedSinceMs = nowMs;
        assigned.acceptedMs = undefined;
      }
      assigned.mergedCount = barrier + 1;
    }
  }

  /** What the worker was sent last of a step has been accepted: all that was sent before it has too. */
  noteMergedAccepted(step: number, nowMs: number): void {
    for (const assigned of this.tasks.values()) {
      if (assigned.task.step === step) assigned.acceptedMs ??= nowMs;
    }
  }

  /** The task has come to its next barrier. */
  noteArrived(assigned: AssignedTask, barrier: number, nowMs: number): void {
    assigned.barrierCount = Math.max(assigned.barrierCount, barrier + 1);
    this.noteDelivered(assigned, nowMs);
  }

  noteAccepted(taskId: number, nowMs: number): void {
    const assigned = this.tasks.get(taskId);
    if (assigned) assigned.acceptedMs = nowMs;
  }

  get size(): number {
    return this.tasks.size;
  }

  get(taskId: number): AssignedTask | undefined {
    return this.tasks.get(taskId);
  }

  /** The worker has answered the task, rightly or not. */
  remove(taskId: number): void {
    this.tasks.delete(taskId);
  }

  /** Tasks of earlier steps will not be answered. */
  dropBefore(step: number): void {
    for (const [id, { task }] of this.tasks) if (task.step < step) this.tasks.delete(id);
  }

  clear(): void {
    this.tasks.clear();
  }

  noteAnswered(assigned: AssignedTask, nowMs: number): void {
    this.noteDelivered(assigned, nowMs);
  }

  /**
   * What a worker may be silent for on top, as it computes in one go and answers no ping meanwhile.
   * @param firstTaskMs where it has not answered anything yet
   */
  allowedSilenceMs(firstTaskMs: number): number {
    if (this.owed.length === 0) return 0;
    return this.slowestAnswerMs === undefined ? firstTaskMs : SILENCE_FACTOR * this.slowestAnswerMs;
  }

  /**
   * True for a worker that is alive and never answers: each of its tasks costs a deadline.
   * @param answerMs what an answer may take at least
   */
  isMute(answerMs: number, nowMs: number): boolean {
    const oldestMs = Math.min(...this.owed.map(({ acceptedMs }) => acceptedMs ?? Infinity));
    const allowedMs = Math.max(answerMs, ANSWER_FACTOR * (this.slowestAnswerMs ?? 0));
    return nowMs - Math.max(oldestMs, this.lastAnswerMs) > allowedMs;
  }

  /** @param computed when the worker computed the task, by its own clock */
  timingOf(
    { sinceMs: sentMs }: AssignedTask,
    computed: { from: number; to: number; waited?: number | undefined },
    answeredMs: number,
  ): Timing {
    this.clock.note(sentMs, computed.from, computed.to, answeredMs);
    const { offsetMs } = this.clock;
    const inside = (ms: number) => Math.min(Math.max(ms - offsetMs, sentMs), answeredMs);
    const [computedFromMs, computedToMs] = [inside(computed.from), inside(computed.to)];
    const waitedMs = Math.min(computed.waited ?? 0, computedToMs - computedFromMs);
    return { sentMs, computedFromMs, computedToMs, waitedMs, answeredMs };
  }

  private get owed(): AssignedTask[] {
    return [...this.tasks.values()].filter((assigned) => !isWaiting(assigned));
  }

  private noteDelivered({ owedSinceMs }: AssignedTask, nowMs: number): void {
    this.slowestAnswerMs = Math.max(this.slowestAnswerMs ?? 0, nowMs - owedSinceMs);
    this.lastAnswerMs = nowMs;
  }

  /** Those that wait at a barrier of an earlier step: others answered them, and this worker has been told to go on. */
  private dropWaiting(step: number): void {
    for (const [id, assigned] of this.tasks) {
      if (assigned.task.step < step && isWaiting(assigned)) this.tasks.delete(id);
    }
  }
}

/** It has come to a barrier that it may not pass yet. */
function isWaiting({ barrierCount, mergedCount }: AssignedTask): boolean {
  return barrierCount > mergedCount;
}
