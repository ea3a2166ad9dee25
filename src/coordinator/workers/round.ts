// A set of tasks in progress, usually one step's: which of them are answered, and the gradients that have arrived. Pure.
import type { RunEvent } from "../../shared/run-event.js";
import type { Barrier } from "../../shared/statistics/barrier.js";
import { BarrierCollector } from "./barrier-collector.js";
import { BucketCollector, type CompleteBucket } from "./bucket-collector.js";
import { SentBarriers } from "./sent-barriers.js";
import type { Task, WorkerAnswer, WorkerLink } from "./tasks.js";

/** A round as the training loop sees it. */
export interface Round {
  /** By task id; resolves when all tasks are answered. */
  readonly answers: Promise<ReadonlyMap<number, WorkerAnswer>>;
  /** The gradients of the shards by bucket, each bucket as soon as it is complete. */
  readonly buckets: AsyncIterable<CompleteBucket>;
}

/** Position of a round in a series of rounds, for reporting their common progress in tasks. */
export interface RoundPlace {
  doneBefore: number;
  total: number;
}

export class OpenRound implements Round {
  readonly answers: Promise<ReadonlyMap<number, WorkerAnswer>>;
  readonly buckets: BucketCollector;
  readonly barriers: BarrierCollector;
  readonly tasks: ReadonlyMap<number, Task>;
  /** The step of its shards; undefined if it has none. */
  readonly step: number | undefined;
  private readonly place: RoundPlace;
  private readonly sentBarriers = new SentBarriers();
  private readonly accepted = new Map<number, WorkerAnswer>();
  private settle!: (outcome: ReadonlyMap<number, WorkerAnswer> | Promise<never>) => void;

  /**
   * @param bucketCount gradient buckets of each shard
   * @param barriers where the shards wait for each other
   * @param place if it is one of a series of rounds
   */
  constructor(
    tasks: readonly Task[],
    bucketCount: number,
    barriers: readonly Barrier[] = [],
    place?: RoundPlace,
  ) {
    this.place = place ?? { doneBefore: 0, total: tasks.length };
    this.tasks = new Map(tasks.map((task) => [task.id, task]));
    const shards = tasks.filter((task) => task.kind === "shard");
    this.step = shards[0]?.step;
    this.buckets = new BucketCollector(
      shards.map(({ id }) => id),
      bucketCount,
    );
    this.barriers = new BarrierCollector(barriers, shards);
    this.answers = new Promise((resolve) => (this.settle = resolve));
    this.answers.then(
      (answers) => this.buckets.complete(answers),
      (error: unknown) => this.buckets.fail(error as Error),
    );
  }

  get progress(): RunEvent & { event: "progress" } {
    const { doneBefore, total } = this.place;
    const [first] = this.tasks.values();
    const activity = first?.kind === "moments" ? "population" : "evaluation";
    return { event: "progress", activity, done: doneBefore + this.accepted.size, total };
  }

  get isAnswered(): boolean {
    return this.accepted.size === this.tasks.size;
  }

  get openTasks(): Task[] {
    return [...this.tasks.values()].filter(({ id }) => !this.accepted.has(id));
  }

  /** Sends the merged values that the worker does not have yet. */
  sendMerged(link: WorkerLink, step: number): void {
    this.sentBarriers.sendMissing(link, step, this.barriers.merged);
  }

  /** The worker has left, or will start the step again. */
  forget(link: WorkerLink): void {
    this.sentBarriers.forget(link);
  }

  accept(task: Task, answered: WorkerAnswer): void {
    this.accepted.set(task.id, answered);
  }

  /** All tasks are answered. */
  complete(): void {
    this.settle(this.accepted);
  }

  fail(error: Error): void {
    this.settle(Promise.reject(error));
  }
}
