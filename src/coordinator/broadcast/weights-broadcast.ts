// `--broadcast weights`: workers are sent the new weights, one gradient bucket at a time. As soon as a bucket's gradients are
// complete, its new weights are sent while workers still compute the next bucket's gradients.
import type { RunLayout } from "../../shared/run-layout.js";
import type { TrainingReplica } from "../../shared/replica/training-replica.js";
import type { Broadcast } from "./broadcast.js";
import type { FeedParts, ReplicaFeed } from "./replica-feed.js";
import { StateFrames } from "./state-frames.js";
import { WeightsFeed } from "./weights-feed.js";

export class WeightsBroadcast implements Broadcast {
  readonly kind = "weights";
  readonly replicaKind = "weights-only";
  readonly workersTakeSteps = false;
  readonly layout: RunLayout;
  readonly stateBytes: number;
  private readonly frames: StateFrames;
  private readonly feeds = new Set<WeightsFeed>();

  constructor(layout: RunLayout) {
    this.layout = layout;
    this.frames = new StateFrames(layout, this.replicaKind);
    this.stateBytes = this.frames.stateBytes;
  }

  open(replica: TrainingReplica): void {
    this.frames.open(replica);
  }

  whenOpen(onOpen: () => void): () => void {
    return this.frames.whenOpen(onOpen);
  }

  addWorker(parts: FeedParts): ReplicaFeed {
    const feed = new WeightsFeed(parts, this.frames, () => this.feeds.delete(feed));
    this.feeds.add(feed);
    return feed;
  }

  takeBucket(): void {
    // Only the coordinator uses gradients.
  }

  presentWeights(bucket: number): ReadonlyMap<string, Float32Array> | undefined {
    return this.frames.memory(bucket);
  }

  afterBucket(bucket: number, step: number): void {
    for (const feed of this.feeds) feed.sendThrough(bucket, step);
  }

  beforeStep(): void {
    // The new weights are sent in `afterStep`.
  }

  afterStep(): void {
    const last = this.layout.buckets.length - 1;
    for (const feed of this.feeds) feed.sendThrough(last, this.frames.replica.step);
  }
}
