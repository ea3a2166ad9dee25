// One worker's feed from a broadcast of weights: tracks which groups of which step's state the worker has been sent. Used by
// coordinators and relays.
import { FlowControl, type FeedParts, type ReplicaFeed } from "./replica-feed.js";
import type { StateSource } from "./state-frames.js";

export class WeightsFeed implements ReplicaFeed {
  private readonly parts: FeedParts;
  private readonly source: StateSource;
  private readonly onClose: () => void;
  private readonly flow: FlowControl;
  private isReady = false;
  /** The step whose weights were sent last, and the first group of it that has not been sent. */
  private sent = { step: -1, nextGroup: 0 };

  constructor(parts: FeedParts, source: StateSource, onClose: () => void) {
    this.parts = parts;
    this.source = source;
    this.onClose = onClose;
    this.flow = new FlowControl(parts, source.stateBytes);
  }

  sendState(): void {
    const { step } = this.source;
    this.isReady = true;
    for (const group of this.source.groups) this.parts.outbox.send(this.source.frame(group, step));
    this.sent = { step, nextGroup: this.source.layout.buckets.length };
  }

  /** Sends the weights of all buckets up to `bucket`, which are at `step`. */
  sendThrough(bucket: number, step: number): void {
    if (!this.isReady || this.flow.isBehind) return;
    if (this.sent.step !== step) {
      if (!this.flow.admitStep()) return;
      this.sent = { step, nextGroup: 0 };
    }
    for (; this.sent.nextGroup <= bucket; this.sent.nextGroup++) {
      this.parts.outbox.send(this.source.frame(this.sent.nextGroup, step));
    }
  }

  catchUp(): void {
    this.flow.catchUp(() => this.sendState());
  }

  takeDigest(): void {
    // Digests are only requested with updates.
  }

  requestState(): void {
    // With weights, relays keep every step's state.
  }

  close(): void {
    this.onClose();
  }
}
