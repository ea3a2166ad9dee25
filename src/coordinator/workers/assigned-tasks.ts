// The tasks that one worker holds, how long it takes to answer them, and when they were computed by the coordinator's clock. The
// time that a task waits at a barrier for others does not count. Pure: the time is passed in.
import type { Gradient } from "../../shared/replica/tensors.js";
import { ClockOffset } from "./clock-offset.js";
import type { MergedBarrier, Task, Timing } from "./tasks.js";

/** While it computes, a worker may be silent for this many times as long as its slowest answer took. */
const SILENCE_FACTOR = 3;
/** A worker counts as unresponsive after this many times as long as its slowest answer took. */
const ANSWER_FACTOR = 10;

export interface AssignedTask {
  task: Task;
  sinceMs: number;
  /** When the worker was sent the task, or the merged values that it needs to continue … */
  activeSinceMs: number;
  /** … and when the operating system accepted that; the worker cannot have seen it earlier. */
  acceptedMs: number | undefined;
  /** The gradients received so far, and the number of their buckets. */
  gradients: Map<string, Gradient>;
  bucketCount: number;
  /** Number of barriers that the task has reached, and of barriers that it may pass. */
  barrierCount: number;
  mergedCount: number;
  /** A relay has reported that one of its workers answered it with unusable numbers. */
  isUnusable: boolean;
}

export class AssignedTasks {
  private readonly tasks = new Map<number, AssignedTask>();
  private readonly clock = new ClockOffset();
  /** How many barriers' merged values the worker was sent, and of which step. */
  private merged = { step: -1, count: 0 };
  private slowestAnswerMs: number | undefined;
  private lastAnswerMs = -Infinity;

  add(task: Task, nowMs: number): void {
    this.dropWaiting(task.step);
    // If the task is assigned again, some of its gradients may have arrived already.
    const { gradients, bucketCount, barrierCount } = this.tasks.get(task.id) ?? {
      gradients: new Map<string, Gradient>(),
      ...{ bucketCount: 0, barrierCount: 0 },
    };
    const mergedCount = this.merged.step === task.step ? this.merged.count : 0;
    const times = { sinceMs: nowMs, activeSinceMs: nowMs, acceptedMs: undefined };
    const counts = { bucketCount, barrierCount, mergedCount };
    this.tasks.set(task.id, { task, ...times, gradients, ...counts, isUnusable: false });
  }

  /** The worker is sent the merged values that its tasks continue with after a barrier. */
  addMerged({ step, barrier }: Pick<MergedBarrier, "step" | "barrier">, nowMs: number): void {
    this.merged = { step, count: barrier + 1 };
    for (const assigned of this.tasks.values()) {
      if (assigned.task.step !== step) continue;
      if (isWaiting(assigned)) {
        assigned.activeSinceMs = nowMs;
        assigned.acceptedMs = undefined;
      }
      assigned.mergedCount = barrier + 1;
    }
  }

  /** The last message of a step has been accepted, and so has everything that was sent before it. */
  noteMergedAccepted(step: number, nowMs: number): void {
    for (const assigned of this.tasks.values()) {
      if (assigned.task.step === step) assigned.acceptedMs ??= nowMs;
    }
  }

  /** The task has reached its next barrier. */
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

  /** The worker has answered the task, validly or not. */
  remove(taskId: number): void {
    this.tasks.delete(taskId);
  }

  /** Forgets the tasks of earlier steps, which will not be answered. */
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
   * Additional silence allowed: a worker answers no pings while it computes.
   * @param firstTaskMs used until the worker has answered something
   */
  allowedSilenceMs(firstTaskMs: number): number {
    if (this.activeTasks.length === 0) return 0;
    return this.slowestAnswerMs === undefined ? firstTaskMs : SILENCE_FACTOR * this.slowestAnswerMs;
  }

  /**
   * True if the worker is alive but has not answered any task for too long.
   * @param answerMs lower limit of the time that an answer may take
   */
  isUnresponsive(answerMs: number, nowMs: number): boolean {
    const oldestMs = Math.min(...this.activeTasks.map(({ acceptedMs }) => acceptedMs ?? Infinity));
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

  private get activeTasks(): AssignedTask[] {
    return [...this.tasks.values()].filter((assigned) => !isWaiting(assigned));
  }

  private noteDelivered({ activeSinceMs }: AssignedTask, nowMs: number): void {
    this.slowestAnswerMs = Math.max(this.slowestAnswerMs ?? 0, nowMs - activeSinceMs);
    this.lastAnswerMs = nowMs;
  }

  /** Drops tasks that wait at a barrier of an earlier step: other workers have answered them. */
  private dropWaiting(step: number): void {
    for (const [id, assigned] of this.tasks) {
      if (assigned.task.step < step && isWaiting(assigned)) this.tasks.delete(id);
    }
  }
}

/** It has reached a barrier that it may not pass yet. */
function isWaiting({ barrierCount, mergedCount }: AssignedTask): boolean {
  return barrierCount > mergedCount;
}
