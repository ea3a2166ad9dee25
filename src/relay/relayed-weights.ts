// `--broadcast weights` behind a relay: groups of the state are forwarded to every worker as they arrive, and kept for workers that
// join later.
import type { ReplicaFeed, FeedParts } from "../coordinator/broadcast/replica-feed.js";
import { Waiters } from "../coordinator/broadcast/waiters.js";
import { WeightsFeed } from "../coordinator/broadcast/weights-feed.js";
import { FrameError } from "../shared/protocol/frame.js";
import type { FromCoordinator } from "../shared/protocol/messages.js";
import type { RunLayout } from "../shared/run-layout.js";
import { ReceivedState } from "./received-state.js";
import type { RelayBroadcast } from "./relay-broadcast.js";

export class RelayedWeights implements RelayBroadcast {
  readonly kind = "weights";
  readonly layout: RunLayout;
  readonly stateBytes: number;
  private readonly state: ReceivedState;
  private readonly feeds = new Set<WeightsFeed>();
  private readonly openWaiters = new Waiters();

  constructor(layout: RunLayout) {
    this.layout = layout;
    this.state = new ReceivedState(layout, "weights-only");
    this.stateBytes = this.state.stateBytes;
  }

  get step(): number {
    return this.state.step;
  }

  whenOpen(onOpen: () => void): () => void {
    if (!this.state.isHere) return this.openWaiters.add(onOpen);
    onOpen();
    return () => undefined;
  }

  addWorker(parts: FeedParts): ReplicaFeed {
    const feed = new WeightsFeed(parts, this.state, () => this.feeds.delete(feed));
    this.feeds.add(feed);
    return feed;
  }

  takeBucket(): void {
    // Only the coordinator uses gradients.
  }

  /** Weights of the next step are forwarded while they arrive. */
  tailPlaces(
    message: FromCoordinator & { type: "state" },
    lengths: readonly number[],
    parts: readonly Uint8Array[],
  ): Uint8Array[] {
    const { group, step } = message;
    const isNext = group < this.layout.buckets.length && step !== this.state.step;
    if (!isNext) return this.state.places(group, lengths);
    const places = this.state.begin(message, lengths, parts);
    for (const feed of this.feeds) feed.sendThrough(group, step);
    return places;
  }

  noteTail(byteLength: number): void {
    this.state.noteTail(byteLength);
  }

  takeState(message: FromCoordinator & { type: "state" }, parts: readonly Uint8Array[]): boolean {
    const { step: before } = this.state;
    const { step, group } = message;
    const isComplete = this.state.take(message, parts);
    const isTrained = group < this.layout.buckets.length;
    if (step === before) {
      // The step starts again; workers must drop what they have of it.
      if (isComplete) for (const feed of this.feeds) feed.sendState();
    } else if (isTrained) {
      for (const feed of this.feeds) feed.sendThrough(group, step);
    }
    if (isComplete) this.openWaiters.callAll();
    return isComplete;
  }

  takeUpdate(): void {
    throw new FrameError("update in a run that broadcasts weights");
  }

  takeFactors(): void {
    throw new FrameError("factors in a run that broadcasts weights");
  }

  takeAnswer(): void {
    // Only the coordinator uses gradients.
  }

  takeDigest(): void {
    throw new FrameError("digest in a run that broadcasts weights");
  }

  noteConnected(): void {
    // The coordinator sends the state unasked.
  }

  noteLost(): void {
    this.state.abort();
  }
}
