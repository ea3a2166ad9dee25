// One worker's share in a broadcast of updates.
import type { OutgoingFrame } from "../../shared/protocol/channel.js";
import type { WorkerLink } from "../workers/tasks.js";
import { type FeedParts, FlowControl, type ReplicaFeed } from "./replica-feed.js";
import type { UpdateFeedsParts } from "./update-feeds.js";

/** What a feed asks the broadcast that it is a part of. */
export interface UpdateSource extends UpdateFeedsParts {
  update(worker: WorkerLink | undefined): { frame: OutgoingFrame; wantsDigest: boolean };
  onClose(): void;
}

export class UpdateFeed implements ReplicaFeed {
  readonly worker: WorkerLink;
  private readonly parts: FeedParts;
  private readonly from: UpdateSource;
  private readonly flow: FlowControl;
  private isReady = false;
  private isClosed = false;
  private stopWaiting: () => void = () => undefined;
  private isWaitingForState = false;
  /** Its weights differ from the coordinator's: it needs the state. */
  private hasDiverged = false;
  /** The step at which a relay was last sent the state because it asked. */
  private requestedStep = -1;
  /** The step whose digest was judged last. */
  private judgedStep = -1;

  constructor(parts: FeedParts, from: UpdateSource) {
    this.worker = parts.worker;
    this.parts = parts;
    this.from = from;
    this.flow = new FlowControl(parts, from.source.stateBytes);
  }

  sendState(): void {
    const { source } = this.from;
    this.isReady = true;
    this.hasDiverged = false;
    for (const group of source.groups) this.send(source.frame(group, source.step));
  }

  send(frame: OutgoingFrame): void {
    this.parts.outbox.send(frame);
  }

  /** @returns true where the worker was sent them */
  sendFactors(frame: OutgoingFrame): boolean {
    if (!this.isReady || this.flow.isBehind) return false;
    this.send(frame);
    return true;
  }

  sendUpdate(): void {
    if (!this.isReady || !this.flow.admitStep()) return;
    if (this.hasDiverged && !this.from.source.isHere) {
      this.flow.fallBehind();
      this.catchUp();
      return;
    }
    const needsState = this.hasDiverged;
    this.hasDiverged = false;
    // When a worker takes over a state it forgets the factors that it had.
    const { frame, wantsDigest } = this.from.update(needsState ? undefined : this.worker);
    if (wantsDigest) this.parts.onDigestRequested();
    if (needsState) this.sendState();
    this.send(frame);
  }

  catchUp(): void {
    if (!this.flow.isBehind || this.isWaitingForState) return;
    this.isWaitingForState = true;
    this.stopWaiting = this.from.whenState(() => {
      this.isWaitingForState = false;
      if (!this.isClosed) this.flow.catchUp(() => this.sendState());
    });
  }

  /** Once per step: a relay keeps it until the next. One that is behind gets it when it has caught up. */
  requestState(): void {
    const { step } = this.from.source;
    if (this.flow.isBehind || !this.isReady || this.requestedStep === step) return;
    this.requestedStep = step;
    // A relay that is asked by another one may have none.
    this.from.whenState(() => {
      if (!this.isClosed && !this.flow.isBehind) this.sendState();
    });
  }

  /** Once per step: each that differs costs a whole state. One that comes too late is not judged. */
  takeDigest(step: number, weights: number): void {
    this.from.judgeDigest({ step, weights }, (isSame) => {
      if (this.isClosed || this.judgedStep === step) return;
      this.judgedStep = step;
      if (!isSame) this.hasDiverged = true;
      this.parts.onDigestJudged(step, isSame);
    });
  }

  close(): void {
    this.isClosed = true;
    this.stopWaiting();
    this.from.onClose();
  }
}
