// `--verify`: some shards, and moments for the population statistics, are computed by two workers and compared bit by bit; and what follows where results are wrong, for
// whatever reason that is found out.
import { createHmac, randomBytes } from "node:crypto";
import type { StepRange } from "../../shared/checkpoint/checkpoint.js";
import type { Events } from "../../shared/events.js";
import { answerDigest } from "./answer-digest.js";
import type { Arbiter } from "./arbiter.js";
import { Contributions } from "./contributions.js";
import type { Schedule } from "./schedule.js";
import { type Answered, type Task, taskName, type WorkerLink } from "./tasks.js";

/** Origins that are remembered because a wrong result came from there. */
const MAX_SUSPECT_ORIGINS = 4096;

/** Stands for the coordinator itself where it had to decide. */
const COORDINATOR: WorkerLink = {
  name: "coordinator",
  origin: "coordinator",
  isInProcess: true,
  send: () => undefined,
  sendMerged: () => undefined,
  expel: () => undefined,
};

type Vote = Answered & { digest: string };

export interface VerificationParts {
  events: Events;
  /** Share of the tasks that two workers compute. */
  share: number;
  schedule: Schedule<WorkerLink, Task>;
  /** Computes a task here and now. */
  arbiter: (() => Arbiter | undefined) | undefined;
  /** Of the barriers that the step in progress has passed. */
  merged: () => readonly Float32Array[];
  /** The answer to use. */
  accept: (task: Task, answered: Answered) => void;
}

export class Verification {
  private readonly parts: VerificationParts;
  /** Which shards are verified must not be known to whom they are assigned; it decides no result. */
  private readonly secret = randomBytes(32);
  /** Of the tasks in progress that need confirming: what each worker answered. */
  private readonly votes = new Map<number, Vote[]>();
  /** Wrong results came from there: from now on every result from there has to be confirmed. */
  private readonly suspectOrigins = new Set<string>();
  private readonly contributions = new Contributions<WorkerLink>();
  /** Steps that used results of workers that were found to return wrong results. */
  readonly suspectSteps: StepRange[] = [];

  constructor(parts: VerificationParts) {
    this.parts = parts;
  }

  /** True where some result of the round in progress has to be confirmed. */
  get isActive(): boolean {
    return this.votes.size > 0;
  }

  /** @returns how many workers are to compute the task */
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
  take(task: Task, answered: Answered): void {
    const { link } = answered;
    if (this.isSuspect(link) && !this.votes.has(task.id)) this.votes.set(task.id, []);
    const votes = this.votes.get(task.id);
    if (votes) {
      votes.push({ ...answered, digest: answerDigest(answered.answer) });
      this.countVotes(task, votes);
      return;
    }
    if (task.kind !== "evaluate") this.contributions.note(link, task.step);
    this.parts.accept(task, answered);
  }

  /** Tasks that no worker is left to confirm are computed here. */
  decideStuck(tasks: Iterable<Task>): void {
    for (const task of tasks) {
      const votes = this.votes.get(task.id) ?? [];
      if (votes.length > 0 && this.parts.schedule.isStuck(task.id)) this.decide(task, votes);
    }
  }

  forget(link: WorkerLink): void {
    this.contributions.forget(link);
  }

  /** At `step` the worker's weights were the coordinator's: its results before were computed with the right ones. */
  noteSameWeights(link: WorkerLink, step: number): void {
    this.contributions.confirm(link, step);
  }

  /** At `step` the worker's weights were not the coordinator's: since when, nobody knows. */
  noteDivergence(link: WorkerLink, step: number): void {
    this.parts.events.emit({ event: "divergence", worker: link.name, step });
    this.noteDegraded(link, `its weights differed at step ${step}`);
    this.contributions.forget(link);
  }

  private isSelected(task: Task): boolean {
    const { share } = this.parts;
    if (share === 0 || task.kind === "evaluate") return false;
    const text = `${task.step}/${task.kind === "shard" ? task.shard : `moments ${task.id}`}`;
    return createHmac("sha256", this.secret).update(text).digest().readUInt32LE() / 2 ** 32 < share;
  }

  /**
   * Two of different origins that agree are right. Where any two disagree the coordinator computes the task itself: a third
   * worker might be the accomplice of one of them.
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
    // The task is no longer open where as many have answered as were asked.
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
    // Where nobody gave the right answer, nobody has the right factors either.
    const right = votes.find((vote) => vote.digest === digest);
    this.settle(task, votes, right ?? { ...first, answer, link: COORDINATOR, digest });
  }

  /** Uses the right answer, and bans who gave another. */
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

  /** Unconfirmed results of the worker may be wrong too, and the steps that used them cannot be taken back. */
  private noteDegraded(link: WorkerLink, reason: string): void {
    const range = this.contributions.of(link);
    if (!range) return;
    this.suspectSteps.push(range);
    this.parts.events.emit({ event: "degraded", worker: link.name, ...range, reason });
  }
}
