// The workers of a run: assigns tasks, uses the first answer to each, and reassigns the tasks of workers that are lost or late.
// Every wait has a deadline.
import type { Events } from "../../shared/events.js";
import type { Barrier } from "../../shared/statistics/barrier.js";
import type { StepRange } from "../../shared/checkpoint/checkpoint.js";
import type { Arbiter } from "./arbiter.js";
import { divergedError, UnusableAnswerError } from "./checked-answer.js";
import { Quorum, type QuorumOptions } from "./quorum.js";
import { OpenRound, type Round, type RoundPlace } from "./round.js";
import { StallTimer } from "./stall-timer.js";
import { TaskAssigner } from "./task-assigner.js";
import { type Answer, type Task, type Timing, totalCapacity, type WorkerLink } from "./tasks.js";
import { Verification } from "./verification.js";
import type { BucketAnswer, BucketSum, WorkerPool } from "./worker-pool.js";

export interface PoolOptions extends QuorumOptions {
  /** Share of the shards that two workers compute, compared bit by bit. */
  verify?: number;
  /** The barriers where the shards of a step wait for each other. */
  barriers?: readonly Barrier[];
  /** Computes tasks in this process, to decide when workers disagree or answer with unusable numbers. */
  arbiter?: () => Arbiter | undefined;
}

/** Rounds with at least this many tasks report their progress. */
const MANY_TASKS = 10;

/** Time that the step in progress has to finish after an interrupt. */
const FINISH_STEP_MS = 5_000;

/** The run was interrupted, and the tasks in progress were not finished in time. */
export class InterruptedError extends Error {}

export class Pool implements WorkerPool {
  private readonly events: Events;
  private readonly options: PoolOptions;
  private readonly assigner: TaskAssigner;
  private readonly schedule: TaskAssigner["schedule"];
  private readonly verification: Verification;
  private readonly links = new Set<WorkerLink>();
  private readonly quorum: Quorum;
  private round: OpenRound | undefined;
  /** Fires if workers are connected and none of them answers. */
  private readonly stallTimer: StallTimer;
  private stopWatchingInterrupt: () => void = () => undefined;
  private failure: Error | undefined;

  constructor(events: Events, options: PoolOptions) {
    this.events = events;
    this.options = options;
    this.quorum = new Quorum(events, options);
    this.stallTimer = new StallTimer(options.waitMs);
    this.assigner = new TaskAssigner({
      events,
      onAdvance: () => this.advanceNow(),
      beforeShard: (worker, step) => this.round?.sendMerged(worker, step),
    });
    this.schedule = this.assigner.schedule;
    this.verification = new Verification({
      events,
      share: options.verify ?? 0,
      schedule: this.schedule,
      arbiter: options.arbiter,
      merged: () => this.round?.barriers.merged ?? [],
      accept: (task, answered) => {
        this.round?.accept(task, answered);
        this.advance();
      },
    });
  }

  /** Steps that used results of workers that later turned out to return wrong results. */
  get suspectSteps(): readonly StepRange[] {
    return this.verification.suspectSteps;
  }

  // ── workers ──

  join(link: WorkerLink): void {
    this.links.add(link);
    this.schedule.join(link);
    if (!link.isInProcess) {
      const { name, kind } = link;
      this.events.emit({ event: "worker", name, state: "joined", ...(kind ? { kind } : {}) });
    }
    this.advance();
  }

  leave(link: WorkerLink, reason: string): void {
    if (!this.links.delete(link)) return;
    this.schedule.leave(link);
    this.round?.forget(link);
    this.verification.forget(link);
    this.events.emit({ event: "worker", name: link.name, state: "left", reason });
    this.advance();
  }

  suspend(link: WorkerLink): void {
    this.schedule.leave(link);
    // The state that it is sent when it catches up makes it drop the tasks it had begun.
    this.round?.forget(link);
    this.advance();
  }

  resume(link: WorkerLink): void {
    if (!this.links.has(link)) return;
    this.schedule.join(link);
    this.advance();
  }

  noteCapacity(): void {
    this.advance();
  }

  /** False while too few workers are connected. */
  get isReady(): boolean {
    return this.quorum.isMet(totalCapacity(this.links));
  }

  // ── answers ──

  /** The first answer to a task counts, or the first two if it is verified; late and duplicate answers are dropped. */
  answer(link: WorkerLink, taskId: number, answer: Answer, timing: Timing): void {
    const holders = this.schedule.holdersOf(taskId);
    const task = this.schedule.answer(link, taskId, performance.now());
    if (task && this.round) {
      this.restartStallTimer();
      if (!this.schedule.isOpen(taskId)) {
        this.assigner.cancelOthers(holders, taskId, link);
      }
      this.verification.take(task, { link, answer, timing });
    }
    this.advance();
  }

  /**
   * A shard has reached a barrier with these values. Once all shards have, the workers that hold them are sent the merged values.
   * If the barrier has been merged already, the worker gets them immediately.
   */
  takeContribution(link: WorkerLink, taskId: number, barrier: number, values: Float32Array): void {
    const { round, schedule } = this;
    const nowMs = performance.now();
    const task = schedule.arrive(link, taskId, barrier, nowMs);
    if (task?.kind === "shard" && round) {
      if (round.barriers.add(task.shard, barrier, values)) this.restartStallTimer();
      const passed = round.barriers.merged.length;
      if (barrier < passed) {
        for (const worker of schedule.release(passed, nowMs)) round.sendMerged(worker, task.step);
      }
    }
    this.advance();
  }

  /** A bucket of an answer has arrived. It is not used early in a round with verified tasks, as it may be wrong. */
  takeBucket(link: WorkerLink, { taskId, bucket, gradients, isSummed }: BucketAnswer): void {
    const { round, verification } = this;
    if (!round || verification.isActive || verification.isSuspect(link)) return;
    round.buckets.add(taskId, bucket, gradients, isSummed);
  }

  /** Sums of an earlier step, from a relay that was late, are dropped. */
  takeSum(_link: WorkerLink, { step, bucket, ...sum }: BucketSum): void {
    const { round } = this;
    if (round?.step === step) round.buckets.addSum(bucket, sum);
  }

  returnTask(link: WorkerLink, taskId: number): void {
    this.schedule.returnTask(link, taskId);
    this.advance();
  }

  /**
   * A worker answered with unusable numbers. Computes the task in this process: if that gives unusable numbers too, training
   * has diverged and the run ends; otherwise the worker is wrong.
   */
  hasDiverged(task: Task, problem: string): boolean {
    const arbiter = this.options.arbiter?.();
    const { round } = this;
    // Other answers of the same step may arrive after the first one has ended the run.
    if (this.failure) return true;
    if (!arbiter || !round?.tasks.has(task.id)) return false;
    try {
      arbiter.check(task, round.barriers.merged);
      return false;
    } catch (error) {
      if (!(error instanceof UnusableAnswerError)) throw error;
      this.fail(divergedError(task, problem));
      return true;
    }
  }

  noteSameWeights(link: WorkerLink, step: number): void {
    this.verification.noteSameWeights(link, step);
  }

  noteDivergence(link: WorkerLink, step: number): void {
    this.verification.noteDivergence(link, step);
  }

  // ── rounds ──

  /**
   * Starts computing the tasks.
   * @param bucketCount gradient buckets of each shard
   * @param place if it is one of several rounds
   * @returns a round whose promises reject with TandemError `workers-missing` if too few workers are connected for longer than
   * the deadline, and with InterruptedError if the tasks are not done soon after `signal` is aborted
   */
  begin(
    tasks: readonly Task[],
    bucketCount: number,
    signal: AbortSignal,
    place?: RoundPlace,
  ): Round {
    const round = new OpenRound(tasks, bucketCount, this.options.barriers, place);
    this.round = round;
    if (this.failure) {
      this.end(this.failure);
      return round;
    }
    for (const task of tasks) this.schedule.add([task], this.verification.begin(task));
    this.restartStallTimer();
    this.watchInterrupt(signal);
    // Immediately rather than in a microtask: workers should not idle while the caller continues.
    this.advanceNow();
    return round;
  }

  /** The run cannot continue: the round in progress fails, and so do all later ones. */
  fail(error: Error): void {
    this.failure = error;
    this.end(error);
  }

  /** Ends the round in progress: all its tasks are answered, or it failed. */
  private end(error?: Error): void {
    const { round } = this;
    if (!round) return;
    this.round = undefined;
    this.stopWatchingInterrupt();
    this.quorum.endPause();
    this.stallTimer.stop();
    this.assigner.stop();
    this.schedule.drop([...round.tasks.keys()]);
    this.verification.endRound();
    if (error) round.fail(error);
    else round.complete();
  }

  /** After an interrupt, the tasks in progress have a short time to finish; during a pause the round ends immediately. */
  private watchInterrupt(signal: AbortSignal): void {
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => {
      timer = setTimeout(() => this.end(new InterruptedError()), this.isReady ? FINISH_STEP_MS : 0);
    };
    this.stopWatchingInterrupt = () => {
      signal.removeEventListener("abort", onAbort);
      clearTimeout(timer);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  }

  private advance(): void {
    this.assigner.advance();
  }

  private advanceNow(): void {
    const { round } = this;
    if (!round) return;
    const { progress } = round;
    if (progress.total >= MANY_TASKS) this.events.emit(progress);
    if (this.schedule.openCount === 0 && round.isAnswered) {
      this.end();
    } else if (this.isReady) {
      this.quorum.resume();
      this.assign(round);
    } else {
      this.assigner.stop();
      this.quorum.pause(totalCapacity(this.links), (error) => this.end(error));
    }
  }

  private assign(round: OpenRound): void {
    this.verification.decideStuck(round.openTasks);
    this.assigner.assign();
  }

  private restartStallTimer(): void {
    this.stallTimer.restart(() => {
      // A pause has its own deadline, and a task in this process cannot stall.
      if (this.quorum.isPaused || [...this.links].some(({ isInProcess }) => isInProcess)) return;
      this.end(this.stallTimer.error(this.links.size));
    });
  }
}
