// Some tasks in progress, usually those of one step: which are answered, and the gradients that have arrived of them. Pure.
import type { RunEvent } from "../../shared/run-event.js";
import type { Barrier } from "../../shared/statistics/barrier.js";
import { BarrierCollector } from "./barrier-collector.js";
import { BucketCollector, type CompleteBucket } from "./bucket-collector.js";
import type { Answered, Task, WorkerLink } from "./tasks.js";

/** A round as the training loop sees it. */
export interface Round {
  /** By task id, once all are there. */
  readonly answers: Promise<ReadonlyMap<number, Answered>>;
  /** The gradients of the shards by bucket, each bucket as soon as it is complete. */
  readonly buckets: AsyncIterable<CompleteBucket>;
}

/** Where a round stands among several that belong together: how many of their tasks are answered, of how many. */
export interface RoundPlace {
  doneBefore: number;
  total: number;
}

export class OpenRound implements Round {
  readonly answers: Promise<ReadonlyMap<number, Answered>>;
  readonly buckets: BucketCollector;
  readonly barriers: BarrierCollector;
  readonly tasks: ReadonlyMap<number, Task>;
  /** Steps behind the weights that its shards are computed with; undefined where it has none. */
  readonly step: number | undefined;
  private readonly place: RoundPlace;
  /** How many of the barriers' merged values each worker was sent. */
  private readonly mergedSent = new Map<WorkerLink, number>();
  private readonly accepted = new Map<number, Answered>();
  private settle!: (outcome: ReadonlyMap<number, Answered> | Promise<never>) => void;

  /**
   * @param bucketCount gradient buckets of each shard
   * @param barriers where the shards wait for each other
   * @param place where it is not the only round of its kind
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

  /** Sends a worker that holds a shard of the step, or is about to, the merged values that it does not have. */
  sendMerged(link: WorkerLink, step: number): void {
    const { merged } = this.barriers;
    const sentCount = this.mergedSent.get(link) ?? 0;
    merged.slice(sentCount).forEach((values, index) => {
      link.sendMerged({ step, barrier: sentCount + index, values });
    });
    this.mergedSent.set(link, merged.length);
  }

  /** The worker is gone, or will begin the step again. */
  forget(link: WorkerLink): void {
    this.mergedSent.delete(link);
  }

  accept(task: Task, answered: Answered): void {
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
