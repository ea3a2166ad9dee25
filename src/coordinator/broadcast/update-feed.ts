// One worker's feed from a broadcast of updates.
import type { OutgoingFrame } from "../../shared/protocol/channel.js";
import type { WorkerLink } from "../workers/tasks.js";
import { type FeedParts, FlowControl, type ReplicaFeed } from "./replica-feed.js";
import type { UpdateFeedsParts } from "./update-feeds.js";

/** What a feed uses of its broadcast. */
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
  private cancelCatchUp: () => void = () => undefined;
  private cancelRequest: () => void = () => undefined;
  private isWaitingForState = false;
  /** Its weights differ from the coordinator's: it needs the state. */
  private hasDiverged = false;
  /** The step at which a relay last requested the state. */
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

  /** @returns whether the factors were sent to the worker */
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
    // A worker that loads a state drops the factors it holds, so the update must include all of them.
    const { frame, wantsDigest } = this.from.update(needsState ? undefined : this.worker);
    if (wantsDigest) this.parts.onDigestRequested();
    if (needsState) this.sendState();
    this.send(frame);
  }

  catchUp(): void {
    if (!this.flow.isBehind || this.isWaitingForState) return;
    this.isWaitingForState = true;
    this.cancelCatchUp = this.from.whenState(() => {
      this.isWaitingForState = false;
      if (!this.isClosed) this.flow.catchUp(() => this.sendState());
    });
  }

  /** At most once per step: a relay keeps the state until the next. A relay that is behind gets it when it catches up. */
  requestState(): void {
    const { step } = this.from.source;
    if (this.flow.isBehind || !this.isReady || this.requestedStep === step) return;
    this.requestedStep = step;
    // This process may itself be a relay that does not have the state.
    this.cancelRequest();
    this.cancelRequest = this.from.whenState(() => {
      if (!this.isClosed && !this.flow.isBehind) this.sendState();
    });
  }

  /** Judges at most one digest per step, as each mismatch costs a whole state. Late digests are not judged. */
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
    this.cancelCatchUp();
    this.cancelRequest();
    this.from.onClose();
  }
}
