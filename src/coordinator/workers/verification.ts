// `--verify`: some shards, and some moments for the population statistics, are computed by two workers and compared bit by bit.
// A worker with a wrong result is banned, and the steps that used its unconfirmed results are marked as suspect.
import { createHmac, randomBytes } from "node:crypto";
import type { StepRange } from "../../shared/checkpoint/checkpoint.js";
import type { Events } from "../../shared/events.js";
import { answerDigest } from "./answer-digest.js";
import type { Arbiter } from "./arbiter.js";
import type { Schedule } from "./schedule.js";
import { type Task, taskName, type WorkerAnswer, type WorkerLink } from "./tasks.js";
import { UnconfirmedSteps } from "./unconfirmed-steps.js";

/** Beyond this many, the oldest are forgotten. */
const MAX_SUSPECT_ORIGINS = 4096;

/** Stands for the coordinator itself when it computed the answer. */
const COORDINATOR: WorkerLink = {
  name: "coordinator",
  origin: "coordinator",
  isInProcess: true,
  send: () => undefined,
  sendMerged: () => undefined,
  expel: () => undefined,
};

type Vote = WorkerAnswer & { digest: string };

export interface VerificationParts {
  events: Events;
  /** Share of the tasks that two workers compute. */
  share: number;
  schedule: Schedule<WorkerLink, Task>;
  arbiter: (() => Arbiter | undefined) | undefined;
  /** Merged values of the barriers that the step in progress has passed. */
  merged: () => readonly Float32Array[];
  /** Called with the answer to use. */
  accept: (task: Task, answered: WorkerAnswer) => void;
}

export class Verification {
  private readonly parts: VerificationParts;
  /** Workers must not be able to tell which tasks are verified. Results do not depend on it. */
  private readonly secret = randomBytes(32);
  /** The answers to tasks in progress that need confirmation. */
  private readonly votes = new Map<number, Vote[]>();
  /** Origins that have sent a wrong result: all of their results need confirmation. */
  private readonly suspectOrigins = new Set<string>();
  private readonly unconfirmed = new UnconfirmedSteps<WorkerLink>();
  /** Steps that used results of workers that later turned out to return wrong results. */
  readonly suspectSteps: StepRange[] = [];

  constructor(parts: VerificationParts) {
    this.parts = parts;
  }

  /** True if a result of the round in progress needs confirmation. */
  get isActive(): boolean {
    return this.votes.size > 0;
  }

  /** @returns how many workers must compute the task */
  begin(task: Task): number {
    if (!this.isSelected(task)) return 1;
    this.votes.set(task.id, []);
    return 2;
  }

  endRound(): void {
    this.votes.clear();
  }

  isSuspect({ origin }: WorkerLink): boolean {
    return this.suspectOrigins.has(origin);
  }

  /** Uses an answer at once, or once another worker has confirmed it. */
  take(task: Task, answered: WorkerAnswer): void {
    const { link } = answered;
    if (this.isSuspect(link) && !this.votes.has(task.id)) this.votes.set(task.id, []);
    const votes = this.votes.get(task.id);
    if (votes) {
      votes.push({ ...answered, digest: answerDigest(answered.answer) });
      this.countVotes(task, votes);
      return;
    }
    if (task.kind !== "evaluate") this.unconfirmed.note(link, task.step);
    this.parts.accept(task, answered);
  }

  /** Computes tasks in this process if no worker is left that could confirm them. */
  decideStuck(tasks: Iterable<Task>): void {
    for (const task of tasks) {
      const votes = this.votes.get(task.id) ?? [];
      if (votes.length > 0 && this.parts.schedule.isStuck(task.id)) this.decide(task, votes);
    }
  }

  forget(link: WorkerLink): void {
    this.unconfirmed.forget(link);
  }

  /** At `step` the worker's weights equalled the coordinator's, so its earlier results used the right weights. */
  noteSameWeights(link: WorkerLink, step: number): void {
    this.unconfirmed.confirm(link, step);
  }

  /** At `step` the worker's weights differed from the coordinator's; it is unknown since when. */
  noteDivergence(link: WorkerLink, step: number): void {
    this.parts.events.emit({ event: "divergence", worker: link.name, step });
    this.noteDegraded(link, `its weights differed at step ${step}`);
    this.unconfirmed.forget(link);
  }

  private isSelected(task: Task): boolean {
    const { share } = this.parts;
    if (share === 0 || task.kind === "evaluate") return false;
    const text = `${task.step}/${task.kind === "shard" ? task.shard : `moments ${task.id}`}`;
    return createHmac("sha256", this.secret).update(text).digest().readUInt32LE() / 2 ** 32 < share;
  }

  /**
   * If two workers of different origins agree, their answer is used. If any two disagree, the coordinator computes the task
   * itself, as a third worker might collude with one of them.
   */
  private countVotes(task: Task, votes: readonly Vote[]): void {
    const { schedule } = this.parts;
    const [first] = votes;
    if (!first) return;
    if (votes.some(({ digest }) => digest !== first.digest)) {
      this.decide(task, votes);
      return;
    }
    if (votes.some(({ link }) => link.origin !== first.link.origin)) {
      this.settle(task, votes, first);
      return;
    }
    // Still open: another worker has yet to answer.
    if (schedule.isOpen(task.id)) return;
    schedule.add(
      [task],
      1,
      votes.map(({ link }) => link),
    );
  }

  private decide(task: Task, votes: readonly Vote[]): void {
    const arbiter = this.parts.arbiter?.();
    const [first] = votes;
    if (!first) return;
    const answer = arbiter ? arbiter.answer(task, this.parts.merged()) : first.answer;
    const digest = answerDigest(answer);
    // If no worker gave the right answer, none has the right factors either.
    const right = votes.find((vote) => vote.digest === digest);
    this.settle(task, votes, right ?? { ...first, answer, link: COORDINATOR, digest });
  }

  /** Uses the right answer, and bans the workers that gave another one. */
  private settle(task: Task, votes: readonly Vote[], right: Vote): void {
    this.parts.schedule.drop([task.id]);
    for (const { link, digest } of votes) {
      if (digest === right.digest) continue;
      const reason = `wrong result for ${taskName(task)} of step ${task.step}`;
      if (!link.isInProcess) this.suspectOrigins.add(link.origin);
      const [oldest] = this.suspectOrigins;
      if (this.suspectOrigins.size > MAX_SUSPECT_ORIGINS) this.suspectOrigins.delete(oldest!);
      this.noteDegraded(link, reason);
      link.expel(reason);
    }
    this.parts.accept(task, right);
  }

  /** Earlier unconfirmed results of the worker may be wrong too; the steps that used them are marked as suspect. */
  private noteDegraded(link: WorkerLink, reason: string): void {
    const range = this.unconfirmed.of(link);
    if (!range) return;
    this.suspectSteps.push(range);
    this.parts.events.emit({ event: "degraded", worker: link.name, ...range, reason });
  }
}
