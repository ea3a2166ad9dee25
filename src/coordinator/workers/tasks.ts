// What the coordinator asks of workers, and what they answer, whether they are processes or the one in its own process.
import type { Samples } from "../../shared/data/samples.js";
import type { WorkerKind } from "../../shared/protocol/messages.js";
import type { EvaluationResult, ShardResult } from "../../shared/replica/tensors.js";
import type { Moments, PopulationStatistics } from "../../shared/statistics/moments.js";

export interface ShardTask {
  kind: "shard";
  id: number;
  step: number;
  shard: number;
  /** Place of its first sample in the global batch. */
  firstSample: number;
  samples: Samples;
}

export interface EvaluationTask {
  kind: "evaluate";
  id: number;
  /** Steps behind the weights that it is computed with. */
  step: number;
  samples: Samples;
  /** Statistics to use in the place of the replicas' own, of all layers that are trained. */
  known?: ReadonlyMap<string, PopulationStatistics>;
}

/** What the shards of a step go on with from a barrier. */
export interface MergedBarrier {
  step: number;
  barrier: number;
  values: Float32Array;
}

/** The moments of what goes into the layers of one pass over the training set, over one of its batches. */
export interface MomentsTask {
  kind: "moments";
  id: number;
  /** Steps behind the weights that it is computed with. */
  step: number;
  /** Of the layout's `populationPasses`. */
  pass: number;
  /** The statistics of the layers of all passes before. */
  known: ReadonlyMap<string, PopulationStatistics>;
  samples: Samples;
}

/** What belongs to a step. */
export type StepTask = ShardTask | EvaluationTask;

export type Task = StepTask | MomentsTask;

export type Answer =
  /** `isSummed`: its dense gradients are not here, as a relay has added them to those of others. */
  | { kind: "shard"; result: ShardResult; isSummed?: boolean }
  | { kind: "evaluate"; result: EvaluationResult }
  /** By layer of the pass. */
  | { kind: "moments"; result: ReadonlyMap<string, Moments> };

/** For people. */
export function taskName(task: Task): string {
  switch (task.kind) {
    case "shard":
      return `shard ${task.shard}`;
    case "evaluate":
      return "evaluation";
    case "moments":
      return "population statistics";
  }
}

/** When things happened to a task, in milliseconds of the coordinator's clock (`performance.now`). */
export interface Timing {
  /** The coordinator handed it to the worker's socket. */
  sentMs: number;
  computedFromMs: number;
  computedToMs: number;
  /** How much of the time between the two the worker did not compute it: the shard waited for others. */
  waitedMs: number;
  /** The whole answer had arrived. */
  answeredMs: number;
}

/** An answer that is used, and whose it is. */
export interface Answered {
  answer: Answer;
  link: WorkerLink;
  timing: Timing;
}

export type EndReason = "finished" | "interrupted" | "failed";

/** A worker as the pool sees it. It reports back by the pool's `answer` and `leave`. */
export interface WorkerLink {
  readonly name: string;
  /** Where it comes from: two workers of one origin do not confirm each other's results. */
  readonly origin: string;
  /** What it runs in. */
  readonly kind?: WorkerKind;
  /** It is the coordinator's own process, and nobody who joined. */
  readonly isInProcess?: boolean;
  /** How many tasks it computes at a time: 1, or, of a relay, as many as it has workers now. */
  readonly capacity?: number;
  send(task: Task): void;
  /** Those of a step come in the order of the barriers, the ones that are known before a task of the step first. */
  sendMerged(merged: MergedBarrier): void;
  /**
   * Another worker has answered the task. A relay passes that on to those behind it; other workers go on computing.
   * @returns whether the worker will not answer it any more
   */
  cancel?(taskId: number): boolean;
  /** The worker's results are wrong: it is banned. */
  expel(reason: string): void;
}

/** Tasks that workers compute at a time, all of them together. */
export function totalCapacity(workers: Iterable<WorkerLink>): number {
  let total = 0;
  for (const { capacity = 1 } of workers) total += capacity;
  return total;
}
