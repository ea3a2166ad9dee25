// What workers are sent so that their replicas keep up with the coordinator's, step by step. Two strategies: the new weights
// (weights-broadcast.ts), or the update that makes them (update-broadcast.ts). The training loop calls them at the same
// places and does not know which it has.
import type { BroadcastKind } from "../../shared/config.js";
import type { ReplicaKind } from "../../shared/replica/state-layout.js";
import type { Gradients, Update } from "../../shared/replica/tensors.js";
import type { TrainingReplica } from "../../shared/replica/training-replica.js";
import type { RunLayout } from "../../shared/run-layout.js";
import type { WorkerLink } from "../workers/tasks.js";
import type { FeedParts, ReplicaFeed } from "./replica-feed.js";

/** A shard's gradients of one bucket, as they arrive from a worker. */
export interface ArrivedBucket {
  from: WorkerLink;
  step: number;
  shard: number;
  bucket: number;
  gradients: Gradients;
}

/** What connections need of a broadcast, a coordinator's or a relay's. */
export interface WorkerBroadcast {
  readonly kind: BroadcastKind;
  readonly layout: RunLayout;
  /** Bytes of the whole state, the largest thing that a worker is sent. */
  readonly stateBytes: number;
  /** Calls back when there is a state to send, at once if there is. @returns a function that withdraws the request */
  whenOpen(letIn: () => void): () => void;
  /** A worker's share in the broadcast, from its `ready` until it is gone. */
  addWorker(parts: FeedParts): ReplicaFeed;
  /** A worker's gradients have arrived, before its answer is complete; from a relay, the factored ones. */
  takeBucket(arrived: ArrivedBucket): void;
}

export interface Broadcast extends WorkerBroadcast {
  /** What a worker's replica holds. */
  readonly replicaKind: ReplicaKind;
  /**
   * True where workers take the step themselves: once they are sent the update they may be assigned tasks of the next
   * step, before the coordinator has taken it.
   */
  readonly workersTakeSteps: boolean;

  /** From now on there is a state to send; workers that were ready before are let in. */
  open(replica: TrainingReplica): void;
  /**
   * The weights of a bucket that workers compute the present step with, in memory of the session; undefined where the bucket
   * cannot take its step early.
   */
  presentWeights(bucket: number): ReadonlyMap<string, Float32Array> | undefined;
  /** A bucket of the coordinator's replica has taken the step to `step`, and later ones have not. */
  afterBucket(bucket: number, step: number): void;
  /**
   * The update that leads to `step` is complete, and the coordinator's replica has yet to apply it.
   * @param owners whose result is used, by shard
   */
  beforeStep(update: Update, step: number, owners: readonly (WorkerLink | undefined)[]): void;
  /** The coordinator's replica has taken the step. */
  afterStep(): void;
}
