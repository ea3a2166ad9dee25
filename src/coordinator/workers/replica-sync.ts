// Keeps one worker's replica at the coordinator's step: what it is sent after each step, when it is too far behind to be sent
// more, and how it catches up.
import type { OutgoingFrame } from "../../shared/protocol/channel.js";
import type { StateFeed } from "../state-feed.js";
import type { NextHalf, WorkerLink } from "../tasks.js";
import type { Outbox } from "./outbox.js";

/** A worker with more unsent than a state and this is behind. */
const HEADERS_BYTES = 64 * 1024;

export interface ReplicaSyncParts {
  worker: WorkerLink;
  feed: StateFeed;
  outbox: Outbox;
  /** The worker is asked for a digest of its weights. */
  onDigestRequested: () => void;
  /** The worker has fallen behind: it must not be relied on until `onCaughtUp`. */
  onBehind: () => void;
  onCaughtUp: () => void;
}

export class ReplicaSync {
  private readonly parts: ReplicaSyncParts;
  private isBehind = false;
  /** The step that the classifier's weights which it was sent last are of. */
  private classifierStep: number | undefined;
  /** Its weights differ from the coordinator's: it needs the state. */
  private hasDiverged = false;

  constructor(parts: ReplicaSyncParts) {
    this.parts = parts;
  }

  sendState(): void {
    const { feed, outbox } = this.parts;
    this.classifierStep = feed.step;
    for (const frame of feed.state()) outbox.send(frame);
  }

  follow(next?: NextHalf): void {
    if (this.isBehind) return;
    const { feed, outbox } = this.parts;
    // A worker that has more to read than a whole state is not sent more on top: it catches up when it has read that.
    const isFirst = !next || this.classifierStep !== next.step;
    if (isFirst && outbox.queuedBytes > feed.stateBytes + HEADERS_BYTES) {
      this.isBehind = true;
      this.parts.onBehind();
      return;
    }
    if (next) this.sendHalf(next);
    else this.sendUpdate();
  }

  /** @returns true where the worker can use another's factors of the present step, and is sent them */
  sendFactors(frame: OutgoingFrame): boolean {
    if (this.isBehind) return false;
    this.parts.outbox.send(frame);
    return true;
  }

  /** To be called when everything that it was sent is accepted by the operating system. */
  catchUp(): void {
    if (!this.isBehind) return;
    this.isBehind = false;
    this.sendState();
    this.parts.onCaughtUp();
  }

  /** @returns false where that was known already */
  noteDiverged(): boolean {
    if (this.hasDiverged) return false;
    this.hasDiverged = true;
    return true;
  }

  private sendHalf({ half, step }: NextHalf): void {
    const { feed, outbox } = this.parts;
    if (this.classifierStep !== step) outbox.send(feed.half("classifier", step));
    this.classifierStep = step;
    if (half === "features") outbox.send(feed.half("features", step));
  }

  private sendUpdate(): void {
    const { feed, outbox, worker } = this.parts;
    const needsState = this.hasDiverged;
    this.hasDiverged = false;
    // With a state that is sent to it, a worker forgets what it had.
    const { frame, wantsDigest } = feed.update(needsState ? undefined : worker);
    if (wantsDigest) this.parts.onDigestRequested();
    if (needsState) this.sendState();
    outbox.send(frame);
  }
}
