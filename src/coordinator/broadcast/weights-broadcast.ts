// `--broadcast weights`: after a step workers are sent the new weights, a gradient bucket at a time: those of a bucket whose
// gradients are complete are on their way while workers still compute the gradients of the layers before it.
import type { RunLayout } from "../../shared/run-layout.js";
import type { TrainingReplica } from "../../shared/replica/training-replica.js";
import type { Broadcast } from "./broadcast.js";
import { FlowControl, type FeedParts, type ReplicaFeed } from "./replica-feed.js";
import { StateFrames } from "./state-frames.js";

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

  whenOpen(letIn: () => void): void {
    this.frames.whenOpen(letIn);
  }

  addWorker(parts: FeedParts): ReplicaFeed {
    const feed = new WeightsFeed(parts, this.frames, () => this.feeds.delete(feed));
    this.feeds.add(feed);
    return feed;
  }

  takeBucket(): void {
    // Gradients are of use to the coordinator alone.
  }

  presentWeights(bucket: number): ReadonlyMap<string, Float32Array> | undefined {
    return this.frames.memory(bucket);
  }

  afterBucket(bucket: number, step: number): void {
    for (const feed of this.feeds) feed.sendThrough(bucket, step);
  }

  beforeStep(): void {
    // The weights are not known yet.
  }

  afterStep(): void {
    const last = this.layout.buckets.length - 1;
    for (const feed of this.feeds) feed.sendThrough(last, this.frames.replica.step);
  }
}

class WeightsFeed implements ReplicaFeed {
  private readonly parts: FeedParts;
  private readonly frames: StateFrames;
  private readonly onClose: () => void;
  private readonly flow: FlowControl;
  private isReady = false;
  /** The step whose weights it was sent last, and the first group of it that it was not. */
  private sent = { step: -1, nextGroup: 0 };

  constructor(parts: FeedParts, frames: StateFrames, onClose: () => void) {
    this.parts = parts;
    this.frames = frames;
    this.onClose = onClose;
    this.flow = new FlowControl(parts, frames.stateBytes);
  }

  sendState(): void {
    const { step } = this.frames.replica;
    this.isReady = true;
    for (const group of this.frames.groups) this.parts.outbox.send(this.frames.frame(group, step));
    this.sent = { step, nextGroup: this.frames.layout.buckets.length };
  }

  /** Sends the weights of the buckets up to `bucket`, which have reached `step`. */
  sendThrough(bucket: number, step: number): void {
    if (!this.isReady || this.flow.isBehind) return;
    if (this.sent.step !== step) {
      if (!this.flow.admitStep()) return;
      this.sent = { step, nextGroup: 0 };
    }
    for (; this.sent.nextGroup <= bucket; this.sent.nextGroup++) {
      this.parts.outbox.send(this.frames.frame(this.sent.nextGroup, step));
    }
  }

  catchUp(): void {
    this.flow.catchUp(() => this.sendState());
  }

  takeDigest(): void {
    // It was not asked for one.
  }

  close(): void {
    this.onClose();
  }
}
