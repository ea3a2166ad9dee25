// Tasks and answers, for workers behind a connection and for the worker in the coordinator's own process.
import type { Samples } from "../../shared/data/samples.js";
import type { WorkerKind } from "../../shared/protocol/messages.js";
import type { EvaluationResult, ShardResult } from "../../shared/replica/tensors.js";
import type { Moments, PopulationStatistics } from "../../shared/statistics/moments.js";

export interface ShardTask {
  kind: "shard";
  id: number;
  step: number;
  shard: number;
  /** Index of its first sample in the global batch. */
  firstSample: number;
  samples: Samples;
}

export interface EvaluationTask {
  kind: "evaluate";
  id: number;
  /** The step of the weights that it is computed with. */
  step: number;
  samples: Samples;
  /** Statistics of all trained layers, to use instead of the replicas' own. */
  known?: ReadonlyMap<string, PopulationStatistics>;
}

/** The merged values that the shards of a step continue with after a barrier. */
export interface MergedBarrier {
  step: number;
  barrier: number;
  values: Float32Array;
}

/** Computes the moments of one batch of the training set, at the inputs of one pass's layers. */
export interface MomentsTask {
  kind: "moments";
  id: number;
  /** The step of the weights that it is computed with. */
  step: number;
  /** Index in the layout's `populationPasses`. */
  pass: number;
  /** Statistics of the layers of all earlier passes. */
  known: ReadonlyMap<string, PopulationStatistics>;
  samples: Samples;
}

/** A task that is part of a step. */
export type StepTask = ShardTask | EvaluationTask;

export type Task = StepTask | MomentsTask;

export type Answer =
  /** `isSummed`: the dense gradients are not included, as a relay has summed them with other shards'. */
  | { kind: "shard"; result: ShardResult; isSummed?: boolean }
  | { kind: "evaluate"; result: EvaluationResult }
  /** By layer of the pass. */
  | { kind: "moments"; result: ReadonlyMap<string, Moments> };

/** The task's name in events and messages. */
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

/** A task's times, in milliseconds of the coordinator's clock (`performance.now`). */
export interface Timing {
  /** When the coordinator handed it to the worker's socket. */
  sentMs: number;
  computedFromMs: number;
  computedToMs: number;
  /** How much of the time between the two the shard waited for others at barriers. */
  waitedMs: number;
  /** When the whole answer had arrived. */
  answeredMs: number;
}

/** An answer and the worker that gave it. */
export interface WorkerAnswer {
  answer: Answer;
  link: WorkerLink;
  timing: Timing;
}

export type EndReason = "finished" | "interrupted" | "failed";

/** A worker as the pool sees it. It reports back by the pool's `answer` and `leave`. */
export interface WorkerLink {
  readonly name: string;
  /** Two workers of the same origin do not confirm each other's results. */
  readonly origin: string;
  readonly kind?: WorkerKind;
  /** It is the coordinator's own process. */
  readonly isInProcess?: boolean;
  /** How many tasks it computes at a time: 1, or the number of a relay's workers. */
  readonly capacity?: number;
  send(task: Task): void;
  /** Called in the order of the barriers; values that are already known are sent before the step's first task. */
  sendMerged(merged: MergedBarrier): void;
  /**
   * Another worker has answered the task. A relay tells its workers; other workers continue computing.
   * @returns true if the worker will not answer it any more
   */
  cancel?(taskId: number): boolean;
  /** Bans the worker because its results are wrong. */
  expel(reason: string): void;
}

/** How many tasks the workers compute at a time, in total. */
export function totalCapacity(workers: Iterable<WorkerLink>): number {
  let total = 0;
  for (const { capacity = 1 } of workers) total += capacity;
  return total;
}
