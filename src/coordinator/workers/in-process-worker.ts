// The worker in the coordinator's own process, on the coordinator's own replica; the only worker of `single`.
import { messageOf, TandemError } from "../../shared/errors.js";
import type { Replica } from "../../shared/replica/replica.js";
import { beginShard } from "../../shared/replica/shard-pass.js";
import { StepPasses } from "../../shared/replica/step-passes.js";
import {
  checkAnswer,
  checkContribution,
  divergedError,
  UnusableAnswerError,
} from "./checked-answer.js";
import { computeOn } from "./compute-task.js";
import type { Pool } from "./pool.js";
import type { Answer, MergedBarrier, ShardTask, Task, WorkerLink } from "./tasks.js";

export class InProcessWorker implements WorkerLink {
  readonly name = "in-process";
  readonly origin = "coordinator";
  readonly isInProcess = true;
  private readonly pool: Pool;
  private readonly replica: Replica;
  private readonly passes = new StepPasses(() => performance.now());
  /** The step that `passes` belongs to. */
  private step = -1;
  /** The computation in progress, and those that follow it. */
  private readonly scheduled: (() => void)[] = [];

  constructor(pool: Pool, replica: Replica) {
    this.pool = pool;
    this.replica = replica;
  }

  send(task: Task): void {
    const sentMs = performance.now();
    this.schedule(task, () => {
      if (task.kind === "shard") {
        this.beginShard(task, sentMs);
        return;
      }
      const computedFromMs = performance.now();
      const answer = computeOn(this.replica)(task);
      this.answer(task, answer, { sentMs, computedFromMs, waitedMs: 0 });
    });
  }

  sendMerged({ step, values }: MergedBarrier): void {
    this.schedule({ step }, () => {
      this.enterStep(step);
      this.passes.resume(values);
    });
  }

  expel(): void {
    // This is the coordinator itself; it is never banned.
  }

  private beginShard(task: ShardTask, sentMs: number): void {
    this.enterStep(task.step);
    const computedFromMs = performance.now();
    const start = (onContribution: (values: Float32Array) => void) =>
      beginShard(this.replica, task, undefined, onContribution);
    this.passes.begin(task.id, start, {
      onContribution: (barrier, values) => {
        checkContribution(this.replica.layout, barrier, values);
        this.pool.takeContribution(this, task.id, barrier, values);
      },
      onResult: (result, waitedMs) =>
        this.answer(task, { kind: "shard", result }, { sentMs, computedFromMs, waitedMs }),
    });
  }

  private enterStep(step: number): void {
    if (this.step === step) return;
    this.step = step;
    this.passes.clear();
  }

  private answer(
    task: Task,
    answer: Answer,
    times: { sentMs: number; computedFromMs: number; waitedMs: number },
  ): void {
    checkAnswer(answer);
    const computedToMs = performance.now();
    this.pool.answer(this, task.id, answer, { ...times, computedToMs, answeredMs: computedToMs });
  }

  /**
   * Computations run in order, each in a new turn of the event loop: in between, signals, finished writes and the answers of other
   * workers are handled, which would otherwise wait for their next tasks.
   */
  private schedule(task: { step: number; samples?: { count: number } }, compute: () => void): void {
    this.scheduled.push(() => {
      // Other workers' answers have ended the step in the meantime.
      if (task.step !== this.replica.step) return;
      try {
        compute();
      } catch (error) {
        const { batchSize } = this.replica.layout.config;
        this.pool.fail(
          error instanceof UnusableAnswerError
            ? divergedError(task, error.message)
            : computeFailure(task.samples?.count ?? batchSize, error),
        );
      }
    });
    if (this.scheduled.length === 1) setImmediate(() => this.runNext());
  }

  private runNext(): void {
    this.scheduled[0]?.();
    this.scheduled.shift();
    // Immediates that are set at the same time run in the same turn.
    if (this.scheduled.length > 0) setImmediate(() => this.runNext());
  }
}

/** Only the first line of the message is used: TensorFlow's out-of-memory errors continue with hints for its own users. */
function computeFailure(sampleCount: number, error: unknown): TandemError {
  if (error instanceof TandemError) return error;
  return new TandemError(
    "compute-failed",
    `${sampleCount} samples could not be computed at once (${messageOf(error).split("\n")[0]}). Is there enough memory? Give a smaller --batch-size or more --shards.`,
    { cause: error },
  );
}
