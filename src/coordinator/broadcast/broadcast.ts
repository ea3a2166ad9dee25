// How workers' replicas are kept at the coordinator's step. Two strategies: send the new weights (weights-broadcast.ts), or
// send the update so that workers apply it themselves (update-broadcast.ts). The training loop calls both at the same points
// and does not know which one it has.
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

/** The part of a broadcast that worker connections use, in a coordinator or a relay. */
export interface WorkerBroadcast {
  readonly kind: BroadcastKind;
  readonly layout: RunLayout;
  /** Bytes of the whole state, the largest payload that a worker is sent. */
  readonly stateBytes: number;
  /** Calls `onOpen` once there is a state to send; immediately if there is one. @returns a function that cancels the wait */
  whenOpen(onOpen: () => void): () => void;
  /** Adds a ready worker. @returns its feed, to be closed when the worker leaves */
  addWorker(parts: FeedParts): ReplicaFeed;
  /** One bucket of a shard's gradients has arrived, before the answer is complete; a relay sends only factored gradients here. */
  takeBucket(arrived: ArrivedBucket): void;
}

export interface Broadcast extends WorkerBroadcast {
  /** What the workers' replicas hold. */
  readonly replicaKind: ReplicaKind;
  /**
   * True if workers apply the update themselves: once it is sent to them, they may be assigned tasks of the next step, even
   * before the coordinator has applied it.
   */
  readonly workersTakeSteps: boolean;

  /** From now on there is a state to send; workers that are already waiting for it join. */
  open(replica: TrainingReplica): void;
  /**
   * A bucket's weights of the current step, in memory that the engine's runs can be fed from; undefined if the bucket cannot
   * be updated early.
   */
  presentWeights(bucket: number): ReadonlyMap<string, Float32Array> | undefined;
  /** Called when a bucket of the coordinator's replica has been updated to `step`; later buckets have not. */
  afterBucket(bucket: number, step: number): void;
  /**
   * Called when the update to `step` is complete, before the coordinator's replica applies it.
   * @param owners the worker whose result is used, by shard
   */
  beforeStep(update: Update, step: number, owners: readonly (WorkerLink | undefined)[]): void;
  /** Called when the coordinator's replica has applied the update. */
  afterStep(): void;
}
