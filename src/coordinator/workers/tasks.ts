// What the coordinator asks of workers, and what they answer, whether they are processes or the one in its own process.
import type { Samples } from "../../shared/data/samples.js";
import type { WorkerKind } from "../../shared/protocol/messages.js";
import type { EvaluationResult, ShardResult } from "../../shared/replica/tensors.js";

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
}

/** What the shards of a step go on with from a barrier. */
export interface MergedBarrier {
  step: number;
  barrier: number;
  values: Float32Array;
}

export type Task = ShardTask | EvaluationTask;

export type Answer =
  { kind: "shard"; result: ShardResult } | { kind: "evaluate"; result: EvaluationResult };

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
  send(task: Task): void;
  /** Those of a step come in the order of the barriers, the ones that are known before a task of the step first. */
  sendMerged(merged: MergedBarrier): void;
  /** The worker's results are wrong: it is banned. */
  expel(reason: string): void;
}
