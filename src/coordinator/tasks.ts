// What the coordinator asks of workers, and what they answer, whether they are processes or the one in its own process.
import type { Samples } from "../shared/data/dataset.js";
import type { Half } from "../shared/model/network.js";
import type { EvaluationResult, ShardResult } from "../shared/model/values.js";

export type Task =
  /** The gradients and moments of one shard of a step's global batch. */
  | { kind: "shard"; id: number; step: number; shard: number; samples: Samples }
  /** Inference on a piece of a data set, with the weights that `step` steps have made. */
  | { kind: "evaluate"; id: number; step: number; samples: Samples };

export type Answer =
  { kind: "shard"; result: ShardResult } | { kind: "evaluate"; result: EvaluationResult };

/** When things happened to a task, in milliseconds of the coordinator's clock (`performance.now`). */
export interface Timing {
  /** The coordinator handed it to the worker's socket. */
  sentMs: number;
  computedFromMs: number;
  computedToMs: number;
  /** The whole answer was here. */
  answeredMs: number;
}

/** An answer that was taken, and whose it was. */
export interface Answered {
  answer: Answer;
  link: WorkerLink;
  timing: Timing;
}

export type EndReason = "finished" | "interrupted" | "failed";

/** A half of the network whose weights have come to `step`; the classifier's come to it first. */
export interface NextHalf {
  half: Half;
  step: number;
}

/** A worker as the pool sees it. It reports back by the pool's `answer` and `leave`. */
export interface WorkerLink {
  readonly name: string;
  /** Where it comes from: two workers of one origin do not confirm each other's results. */
  readonly origin: string;
  /** It is the coordinator's own process: nobody joins. */
  readonly isInProcess?: boolean;
  send(task: Task): void;
  /**
   * The state has advanced by one step, or a half of it: passes on what the worker needs to follow.
   * @param next where weights are sent
   */
  follow(next?: NextHalf): void;
  /** The worker's results are wrong: it is banned. */
  expel(reason: string): void;
}
