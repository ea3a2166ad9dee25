// One worker's share in a broadcast: what it is sent after each step, when it is too far behind to be sent more, and how it
// catches up.
import type { OutgoingFrame } from "../../shared/protocol/channel.js";
import type { WorkerLink } from "../workers/tasks.js";

/** A worker with more unsent than a state and this is behind. */
const HEADERS_BYTES = 64 * 1024;

/** What a feed needs of a worker's connection. */
export interface FeedParts {
  worker: WorkerLink;
  outbox: { readonly queuedBytes: number; send(frame: OutgoingFrame): void };
  /** The worker is asked for a digest of its weights. */
  onDigestRequested: () => void;
  /** The worker has fallen behind: it must not be relied on until `onCaughtUp`. */
  onBehind: () => void;
  onCaughtUp: () => void;
  /** At a step the worker's weights were the coordinator's, or were not. */
  onDigestJudged: (step: number, isSame: boolean) => void;
}

/** What a connection needs of a broadcast. */
export interface ReplicaFeed {
  /** Sends all that a worker needs to stand where the coordinator stands. */
  sendState(): void;
  /** To be called when the operating system has accepted everything that the worker was sent. */
  catchUp(): void;
  takeDigest(step: number, weights: number): void;
  /** The worker, a relay, needs the whole state for workers that have joined it. */
  requestState(): void;
  /** The worker is gone. */
  close(): void;
}

/** Holds back what a worker has no room for. */
export class FlowControl {
  private readonly parts: FeedParts;
  private readonly stateBytes: number;
  private isBehindNow = false;

  constructor(parts: FeedParts, stateBytes: number) {
    this.parts = parts;
    this.stateBytes = stateBytes;
  }

  get isBehind(): boolean {
    return this.isBehindNow;
  }

  /**
   * A worker that has more to read than a whole state is not sent more on top: it catches up when it has read that.
   * @returns true where it can be sent what belongs to the next step
   */
  admitStep(): boolean {
    if (this.isBehindNow) return false;
    if (this.parts.outbox.queuedBytes <= this.stateBytes + HEADERS_BYTES) return true;
    this.fallBehind();
    return false;
  }

  /** The worker cannot go on without the whole state. */
  fallBehind(): void {
    this.isBehindNow = true;
    this.parts.onBehind();
  }

  /** The operating system has accepted everything: a worker that was behind is sent the newest state. */
  catchUp(sendState: () => void): void {
    if (!this.isBehindNow) return;
    this.isBehindNow = false;
    sendState();
    this.parts.onCaughtUp();
  }
}
