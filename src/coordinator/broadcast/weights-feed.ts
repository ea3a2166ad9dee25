// One worker's share in a broadcast of weights: which groups of which step's state it has been sent. The same at a coordinator
// and at a relay.
import { FlowControl, type FeedParts, type ReplicaFeed } from "./replica-feed.js";
import type { StateSource } from "./state-frames.js";

export class WeightsFeed implements ReplicaFeed {
  private readonly parts: FeedParts;
  private readonly source: StateSource;
  private readonly onClose: () => void;
  private readonly flow: FlowControl;
  private isReady = false;
  /** The step whose weights it was sent last, and the first group of it that it was not. */
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

  /** Sends the weights of the buckets up to `bucket`, which have reached `step`. */
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
    // It was not asked for one.
  }

  requestState(): void {
    // A relay has that of each step.
  }

  close(): void {
    this.onClose();
  }
}
