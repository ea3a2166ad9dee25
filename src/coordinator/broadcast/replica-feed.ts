// One worker's feed from a broadcast: what it is sent after each step, when it is too far behind to be sent more, and how it
// catches up.
import type { OutgoingFrame } from "../../shared/protocol/channel.js";
import type { WorkerLink } from "../workers/tasks.js";

/** Allowance for headers: a worker is behind if its unsent bytes exceed a whole state by more than this. */
const HEADERS_BYTES = 64 * 1024;

/** What a feed needs from a worker's connection. */
export interface FeedParts {
  worker: WorkerLink;
  outbox: { readonly queuedBytes: number; send(frame: OutgoingFrame): void };
  /** Called when the worker is asked for a digest of its weights. */
  onDigestRequested: () => void;
  /** Called when the worker has fallen behind: no tasks until `onCaughtUp`. */
  onBehind: () => void;
  onCaughtUp: () => void;
  /** Called when the worker's weights at a step have been compared with the coordinator's. */
  onDigestJudged: (step: number, isSame: boolean) => void;
}

/** What a connection uses of its worker's feed. */
export interface ReplicaFeed {
  /** Sends the whole current state. */
  sendState(): void;
  /** To be called when the operating system has accepted everything that the worker was sent. */
  catchUp(): void;
  takeDigest(step: number, weights: number): void;
  /** A relay needs the whole state for workers that have joined it. */
  requestState(): void;
  /** The worker has left. */
  close(): void;
}

/** Backpressure: holds back messages while a worker has too much unread. */
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
   * A worker with more than a whole state unread is sent nothing more until it has read that.
   * @returns true if the worker can be sent the next step
   */
  admitStep(): boolean {
    if (this.isBehindNow) return false;
    if (this.parts.outbox.queuedBytes <= this.stateBytes + HEADERS_BYTES) return true;
    this.fallBehind();
    return false;
  }

  /** The worker needs the whole state to continue. */
  fallBehind(): void {
    this.isBehindNow = true;
    this.parts.onBehind();
  }

  /** Call when everything sent has been accepted: a worker that was behind is sent the newest state. */
  catchUp(sendState: () => void): void {
    if (!this.isBehindNow) return;
    this.isBehindNow = false;
    sendState();
    this.parts.onCaughtUp();
  }
}
