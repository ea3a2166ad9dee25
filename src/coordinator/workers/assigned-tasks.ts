// The tasks that one worker holds, how long it takes for them, and when they were computed by the coordinator's clock.
// Pure: the time is passed in.
import type { Gradient } from "../../shared/replica/tensors.js";
import { ClockOffset } from "./clock-offset.js";
import type { Task, Timing } from "./tasks.js";

/** A task may take so many times what this worker's slowest took, before its silence means anything. */
const SILENCE_FACTOR = 3;
/** … and before the worker counts as one that answers nothing. */
const ANSWER_FACTOR = 10;

export interface AssignedTask {
  task: Task;
  sinceMs: number;
  /** When the operating system had accepted it; before that the worker cannot have seen it. */
  acceptedMs: number | undefined;
  /** The gradients that have come of its answer so far, and of how many buckets. */
  gradients: Map<string, Gradient>;
  bucketCount: number;
}

export class AssignedTasks {
  private readonly tasks = new Map<number, AssignedTask>();
  private readonly clock = new ClockOffset();
  private slowestAnswerMs: number | undefined;
  private lastAnswerMs = -Infinity;

  add(task: Task, nowMs: number): void {
    // Of a task that is assigned again some gradients may have come already.
    const { gradients, bucketCount } = this.tasks.get(task.id) ?? {
      gradients: new Map<string, Gradient>(),
      bucketCount: 0,
    };
    const times = { sinceMs: nowMs, acceptedMs: undefined };
    this.tasks.set(task.id, { task, ...times, gradients, bucketCount });
  }

  noteAccepted(taskId: number, nowMs: number): void {
    const assigned = this.tasks.get(taskId);
    if (assigned) assigned.acceptedMs = nowMs;
  }

  get(taskId: number): AssignedTask | undefined {
    return this.tasks.get(taskId);
  }

  /** The worker has answered the task, rightly or not. */
  remove(taskId: number): void {
    this.tasks.delete(taskId);
  }

  clear(): void {
    this.tasks.clear();
  }

  noteAnswered({ sinceMs }: AssignedTask, nowMs: number): void {
    this.slowestAnswerMs = Math.max(this.slowestAnswerMs ?? 0, nowMs - sinceMs);
    this.lastAnswerMs = nowMs;
  }

  /**
   * What a worker may be silent for on top, as it computes in one go and answers no ping meanwhile.
   * @param firstTaskMs where it has not answered anything yet
   */
  allowedSilenceMs(firstTaskMs: number): number {
    if (this.tasks.size === 0) return 0;
    return this.slowestAnswerMs === undefined ? firstTaskMs : SILENCE_FACTOR * this.slowestAnswerMs;
  }

  /**
   * True for a worker that is alive and never answers: each of its tasks costs a deadline.
   * @param answerMs what an answer may take at least
   */
  isMute(answerMs: number, nowMs: number): boolean {
    const oldestMs = Math.min(
      ...[...this.tasks.values()].map(({ acceptedMs }) => acceptedMs ?? Infinity),
    );
    const allowedMs = Math.max(answerMs, ANSWER_FACTOR * (this.slowestAnswerMs ?? 0));
    return nowMs - Math.max(oldestMs, this.lastAnswerMs) > allowedMs;
  }

  /** @param computed when the worker computed the task, by its own clock */
  timingOf(
    { sinceMs: sentMs }: AssignedTask,
    computed: { from: number; to: number },
    answeredMs: number,
  ): Timing {
    this.clock.note(sentMs, computed.from, computed.to, answeredMs);
    const { offsetMs } = this.clock;
    const inside = (ms: number) => Math.min(Math.max(ms - offsetMs, sentMs), answeredMs);
    const [computedFromMs, computedToMs] = [inside(computed.from), inside(computed.to)];
    return { sentMs, computedFromMs, computedToMs, answeredMs };
  }
}
