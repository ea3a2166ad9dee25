// The workers of a run, whoever they are at the moment: assigns tasks, uses the first answer to each, and reassigns those of
// a worker that is lost or late. No wait here is without a deadline.
import { createHmac, randomBytes } from "node:crypto";
import type { StepRange } from "../shared/checkpoint/checkpoint.js";
import { TandemError } from "../shared/errors.js";
import type { Events } from "../shared/events.js";
import type { Gradient } from "../shared/model/values.js";
import { answerDigest as digestOf } from "./answer-digest.js";
import { Contributions } from "./contributions.js";
import { DEFAULT_LIMITS, Schedule } from "./schedule.js";
import { checkAnswer, UnusableAnswerError } from "./workers/checked-answer.js";
import type { Answer, Answered, NextHalf, Task, Timing, WorkerLink } from "./tasks.js";

export interface PoolOptions {
  /** So many workers must be there before the first task is given out … */
  startWith: number;
  /** … and so many at any time after it; with fewer the run pauses. */
  goOnWith: number;
  /** How long a pause may last. */
  waitMs: number;
  /** Share of the shards that two workers compute, to be compared bit by bit. */
  verify?: number;
  /** Computes a task here and now; it decides where workers disagree and no third is there. */
  arbiter?: (task: Task) => Answer;
}

/** Of so many tasks, as an evaluation has, someone may want to know how far they are. */
const MANY_TASKS = 10;

/** The largest shard of the slowest machine is answered sooner. */
const MIN_STALL_MS = 120_000;

/** After an interrupt the step in hand may take so long. */
const FINISH_STEP_MS = 5_000;

/** The signal came and the tasks in hand could not be finished in time. */
export class InterruptedError extends Error {}

/** Origins that are remembered because a wrong result came from there. */
const MAX_SUSPECT_ORIGINS = 4096;

/** Stands for the coordinator itself where it had to decide. */
const NOBODY: WorkerLink = {
  name: "coordinator",
  origin: "coordinator",
  isInProcess: true,
  send: () => undefined,
  follow: () => undefined,
  expel: () => undefined,
};

export type OnClassifier = (gradients: ReadonlyMap<number, ReadonlyMap<string, Gradient>>) => void;

interface Round {
  tasks: ReadonlyMap<number, Task>;
  answers: Map<number, Answered>;
  /** Of tasks that are verified: what each worker answered. */
  votes: Map<number, (Answered & { digest: string })[]>;
  /** First halves of answers, whoever gave them first. */
  classifiers: Map<number, ReadonlyMap<string, Gradient>>;
  onClassifier: OnClassifier | undefined;
  resolve: (answers: Map<number, Answered>) => void;
  reject: (error: Error) => void;
}

export class Pool {
  private readonly events: Events;
  private readonly options: PoolOptions;
  private readonly schedule = new Schedule<WorkerLink, Task>(DEFAULT_LIMITS, (link) => link.origin);
  private readonly contributions = new Contributions<WorkerLink>();
  /** Which shards are verified must not be known to whom they are assigned; it decides no result. */
  private readonly secret = randomBytes(32);
  /** Wrong results came from there: from now on every result from there has to be confirmed. */
  private readonly suspectOrigins = new Set<string>();
  /** Steps that used results of workers that were found to compute wrongly. */
  readonly suspectSteps: StepRange[] = [];
  private readonly links = new Set<WorkerLink>();
  private required: number;
  private round: Round | undefined;
  private overdueTimer: NodeJS.Timeout | undefined;
  private waitTimer: NodeJS.Timeout | undefined;
  /** Runs while workers are there and none of them answers. */
  private stallTimer: NodeJS.Timeout | undefined;
  private assignmentsPending = false;
  private failure: Error | undefined;

  constructor(events: Events, options: PoolOptions) {
    this.events = events;
    this.options = options;
    this.required = options.startWith;
  }

  /** The worker has the present state and may be given tasks. */
  join(link: WorkerLink): void {
    this.links.add(link);
    this.schedule.join(link);
    if (!link.isInProcess) this.events.emit({ event: "worker", name: link.name, state: "joined" });
    this.advance();
  }

  /** The worker is gone for good; what it held goes to others. */
  leave(link: WorkerLink, reason: string): void {
    if (!this.links.delete(link)) return;
    this.schedule.leave(link);
    this.contributions.forget(link);
    this.events.emit({ event: "worker", name: link.name, state: "left", reason });
    this.advance();
  }

  /** The worker is there but not up to date: no new tasks until `resume`. */
  suspend(link: WorkerLink): void {
    this.schedule.leave(link);
    this.advance();
  }

  resume(link: WorkerLink): void {
    if (!this.links.has(link)) return;
    this.schedule.join(link);
    this.advance();
  }

  /** The first answer to a task counts, or the first two where it is verified; what comes late or twice is dropped. */
  answer(link: WorkerLink, taskId: number, answer: Answer, timing: Timing): void {
    const task = this.schedule.answer(link, taskId, performance.now());
    if (task && this.round) {
      this.restartStallTimer(this.round);
      if (this.isSuspect(link) && !this.round.votes.has(taskId)) this.round.votes.set(taskId, []);
      const votes = this.round.votes.get(taskId);
      if (votes) {
        votes.push({ link, answer, timing, digest: digestOf(answer) });
        this.countVotes(this.round, task);
      } else {
        this.round.answers.set(taskId, { link, answer, timing });
        if (task.kind === "shard") this.contributions.note(link, task.step);
      }
    }
    this.advance();
  }

  /** The first half of an answer has come; in a round with tasks that are verified it does not count, as it may be wrong. */
  takeClassifier(link: WorkerLink, taskId: number, gradients: ReadonlyMap<string, Gradient>): void {
    const { round } = this;
    const task = round?.tasks.get(taskId);
    if (!round?.onClassifier || task?.kind !== "shard" || round.classifiers.has(taskId)) return;
    if (this.isSuspect(link)) return;
    round.classifiers.set(taskId, gradients);
    const shards = [...round.tasks.values()].filter(({ kind }) => kind === "shard");
    if (round.classifiers.size < shards.length || round.votes.size > 0) return;
    try {
      round.onClassifier(round.classifiers);
    } catch (error) {
      round.reject(error as Error);
    }
  }

  /**
   * A worker answered with numbers that no training can go on with. Computes the task here: where that gives such numbers
   * too, the training has diverged and the run ends; else the worker is wrong.
   */
  hasDiverged(task: Task, problem: string): boolean {
    const { arbiter } = this.options;
    // Others' answers to the same step come in after the first has ended the run.
    if (this.failure) return true;
    if (!arbiter || !this.round?.tasks.has(task.id)) return false;
    try {
      checkAnswer(arbiter(task));
      return false;
    } catch (error) {
      if (!(error instanceof UnusableAnswerError)) throw error;
      this.fail(divergedError(task, problem));
      return true;
    }
  }

  /** At `step` the worker's weights were the coordinator's: its results before were computed with the right ones. */
  noteGoodReplica(link: WorkerLink, step: number): void {
    this.contributions.confirm(link, step);
  }

  /** At `step` the worker's weights were not the coordinator's: since when, nobody knows. */
  noteDivergedReplica(link: WorkerLink, step: number): void {
    this.events.emit({ event: "drift", worker: link.name, step });
    this.noteDegraded(link, `its weights differed at step ${step}`);
    this.contributions.forget(link);
  }

  /**
   * Has all tasks done, by whoever is there.
   * @param onClassifier is given the classifier's gradients by task, when those of all shards are there
   * @returns the answers by task id
   * @throws TandemError `workers-missing` where too few workers are there for longer than the deadline
   * @throws InterruptedError where `signal` comes and the tasks are not done soon after it
   */
  async run(
    tasks: readonly Task[],
    signal: AbortSignal,
    onClassifier?: OnClassifier,
  ): Promise<Map<number, Answered>> {
    let finishTimer: NodeJS.Timeout | undefined;
    const onAbort = () => {
      const isPaused = this.links.size < this.required;
      const giveUp = () => this.round?.reject(new InterruptedError());
      finishTimer = setTimeout(giveUp, isPaused ? 0 : FINISH_STEP_MS);
    };
    if (this.failure) throw this.failure;
    try {
      return await new Promise((resolve, reject) => {
        this.round = {
          tasks: new Map(tasks.map((task) => [task.id, task])),
          answers: new Map(),
          votes: new Map(),
          classifiers: new Map(),
          onClassifier,
          resolve,
          reject,
        };
        for (const task of tasks) {
          const isVerified = this.isVerified(task);
          if (isVerified) this.round.votes.set(task.id, []);
          this.schedule.add([task], isVerified ? 2 : 1);
        }
        this.restartStallTimer(this.round);
        if (signal.aborted) onAbort();
        else signal.addEventListener("abort", onAbort, { once: true });
        // At once, not after what the caller does next: the workers' time is the dearest.
        this.advanceNow();
      });
    } finally {
      signal.removeEventListener("abort", onAbort);
      clearTimeout(finishTimer);
      this.clearTimers();
      this.schedule.drop(tasks.map((task) => task.id));
      this.round = undefined;
    }
  }

  /** False while too few workers are there to go on. */
  get isReady(): boolean {
    return this.links.size >= this.required;
  }

  /** Passes the new state, or a half of it, on to every worker. @param next see `WorkerLink` */
  follow(next?: NextHalf): void {
    for (const link of this.links) link.follow(next);
  }

  /** No worker will come: the tasks in hand, and all that follow, fail. */
  fail(error: Error): void {
    this.failure = error;
    this.round?.reject(error);
  }

  /** Looks once more at what can be done, after all that this turn of the event loop brings. */
  private advance(): void {
    if (this.assignmentsPending) return;
    this.assignmentsPending = true;
    queueMicrotask(() => {
      this.assignmentsPending = false;
      this.advanceNow();
    });
  }

  private advanceNow(): void {
    const { round } = this;
    if (!round) return;
    if (round.tasks.size >= MANY_TASKS) {
      this.events.emit({ event: "progress", done: round.answers.size, total: round.tasks.size });
    }
    if (this.schedule.openCount === 0 && round.answers.size === round.tasks.size) {
      round.resolve(round.answers);
      return;
    }
    if (this.links.size < this.required) {
      this.pause(round);
      return;
    }
    this.required = this.options.goOnWith;
    clearTimeout(this.waitTimer);
    this.waitTimer = undefined;
    this.assign(round);
  }

  private assign(round: Round): void {
    this.decideStuck(round);
    const now = performance.now();
    for (const { worker, task, isRepeat } of this.schedule.assign(now)) {
      if (isRepeat) this.reportBackup(worker, task);
      worker.send(task);
    }
    clearTimeout(this.overdueTimer);
    const leftMs = this.schedule.nextOverdueMs(now);
    if (leftMs === undefined) return;
    // Where nobody is free to take an overdue task, looking again at once would not help.
    this.overdueTimer = setTimeout(() => this.advance(), Math.max(leftMs, 20));
  }

  private isVerified(task: Task): boolean {
    const share = this.options.verify ?? 0;
    if (share === 0 || task.kind !== "shard") return false;
    const text = `${task.step}/${task.shard}`;
    return createHmac("sha256", this.secret).update(text).digest().readUInt32LE() / 2 ** 32 < share;
  }

  private isSuspect({ origin }: WorkerLink): boolean {
    return this.suspectOrigins.has(origin);
  }

  /**
   * Two of different origins that agree are right. Where any two disagree the coordinator computes the task itself: a third
   * worker might be the accomplice of one of them.
   */
  private countVotes(round: Round, task: Task): void {
    const votes = round.votes.get(task.id) ?? [];
    const [first] = votes;
    if (!first) return;
    if (votes.some(({ digest }) => digest !== first.digest)) {
      this.decide(round, task);
      return;
    }
    if (votes.some(({ link }) => link.origin !== first.link.origin)) {
      this.settle(round, task, first);
      return;
    }
    // The task is no longer open where as many have answered as were asked.
    if (!this.schedule.isOpen(task.id)) {
      this.schedule.add(
        [task],
        1,
        votes.map((vote) => vote.link),
      );
    }
  }

  /** Tasks that no worker is left to confirm are computed here. */
  private decideStuck(round: Round): void {
    for (const [id, votes] of round.votes) {
      const task = round.tasks.get(id);
      if (!task || round.answers.has(id) || votes.length === 0) continue;
      if (this.schedule.isStuck(id)) this.decide(round, task);
    }
  }

  private decide(round: Round, task: Task): void {
    const { arbiter } = this.options;
    const [first] = round.votes.get(task.id) ?? [];
    if (!first) return;
    const answer = arbiter ? arbiter(task) : first.answer;
    const digest = digestOf(answer);
    this.schedule.drop([task.id]);
    // Where nobody gave the right answer, nobody has the right factors either.
    const right = round.votes.get(task.id)?.find((vote) => vote.digest === digest);
    this.settle(round, task, right ?? { ...first, answer, link: NOBODY, digest });
  }

  /** Uses the right answer, and bans who gave another. */
  private settle(round: Round, task: Task, right: Answered & { digest: string }): void {
    round.answers.set(task.id, right);
    this.schedule.drop([task.id]);
    for (const { link, digest } of round.votes.get(task.id) ?? []) {
      if (digest === right.digest) continue;
      const name =
        task.kind === "shard"
          ? `shard ${task.shard} of step ${task.step}`
          : `an evaluation at step ${task.step}`;
      const reason = `wrong result for ${name}`;
      if (!link.isInProcess) this.suspectOrigins.add(link.origin);
      const [oldest] = this.suspectOrigins;
      if (this.suspectOrigins.size > MAX_SUSPECT_ORIGINS) this.suspectOrigins.delete(oldest!);
      this.noteDegraded(link, reason);
      link.expel(reason);
    }
    this.advance();
  }

  /** What nobody has confirmed of a worker's results may be wrong too, and the steps that used them cannot be taken back. */
  private noteDegraded(link: WorkerLink, reason: string): void {
    const range = this.contributions.of(link);
    if (!range) return;
    this.suspectSteps.push(range);
    this.events.emit({ event: "degraded", worker: link.name, ...range, reason });
  }

  private reportBackup(worker: WorkerLink, task: Task): void {
    const name = task.kind === "shard" ? `shard ${task.shard}` : "evaluation";
    const { step } = task;
    this.events.emit({ event: "repeat", step, task: name, worker: worker.name, reason: "overdue" });
  }

  private pause(round: Round): void {
    clearTimeout(this.overdueTimer);
    if (this.waitTimer) return;
    const { waitMs } = this.options;
    const missing = this.required - this.links.size;
    const reason = `waiting for ${missing} more worker${missing === 1 ? "" : "s"} (${this.links.size} of ${this.required})`;
    this.events.emit({ event: "waiting", reason, deadlineSeconds: waitMs / 1000 });
    this.waitTimer = setTimeout(() => {
      round.reject(
        new TandemError(
          "workers-missing",
          `${this.links.size} of the ${this.required} workers that the run needs were there for ${waitMs / 1000} s. Start workers with \`npx tandem worker URL\`, or wait longer with --worker-wait.`,
        ),
      );
    }, waitMs);
  }

  /** Workers that are there and answer nothing are no better than none. */
  private restartStallTimer(round: Round): void {
    clearTimeout(this.stallTimer);
    const stallMs = Math.max(this.options.waitMs, MIN_STALL_MS);
    this.stallTimer = setTimeout(() => {
      // A pause has its own deadline, and in this process nothing is waited for.
      if (this.waitTimer || [...this.links].some(({ isInProcess }) => isInProcess)) return;
      round.reject(
        new TandemError(
          "workers-missing",
          `${this.links.size} workers are connected, and none has answered for ${stallMs / 1000} s. Look at what they do, or wait longer with --worker-wait.`,
        ),
      );
    }, stallMs);
  }

  private clearTimers(): void {
    clearTimeout(this.stallTimer);
    clearTimeout(this.overdueTimer);
    clearTimeout(this.waitTimer);
    this.overdueTimer = undefined;
    this.waitTimer = undefined;
  }
}

export function divergedError(task: Task, problem: string): TandemError {
  return new TandemError(
    "diverged",
    `The training diverged: at step ${task.step} the numbers became NaN, infinite or absurdly large (${problem}). Checkpoints of earlier steps are left as they are. Try a smaller --learning-rate or a larger --batch-size.`,
  );
}
