// `--broadcast updates`: after a step workers are sent the summed gradients and apply them as the coordinator does. Factors
// of a shard are relayed to the other workers as soon as they arrive, so that the update itself is small.
import type { RunLayout } from "../../shared/run-layout.js";
import { OutgoingFrame } from "../../shared/protocol/channel.js";
import { encodeFrame, MAX_LISTED_SHARDS } from "../../shared/protocol/frame.js";
import type { FromCoordinator } from "../../shared/protocol/messages.js";
import { factorParts, hasFactors } from "../../shared/protocol/payloads/factors.js";
import { updateParts } from "../../shared/protocol/payloads/update.js";
import type { Update } from "../../shared/replica/tensors.js";
import type { TrainingReplica } from "../../shared/replica/training-replica.js";
import { weightsDigest } from "../../shared/replica/weights-digest.js";
import type { WorkerLink } from "../workers/tasks.js";
import type { ArrivedBucket, Broadcast } from "./broadcast.js";
import { type FeedParts, FlowControl, type ReplicaFeed } from "./replica-feed.js";
import { StateFrames } from "./state-frames.js";

/** Steps between two comparisons of the workers' weights with the coordinator's. */
const DIGEST_EVERY = 100;

/** The factors of a shard that were relayed before it was known whose result would be used. */
interface Relay {
  from: WorkerLink;
  /** By bucket, who was sent it. */
  to: Map<number, ReadonlySet<WorkerLink>>;
}

/** The step that workers are being told of. */
interface LastStep {
  step: number;
  update: Update;
  owners: readonly (WorkerLink | undefined)[];
  relays: ReadonlyMap<number, Relay>;
}

export class UpdateBroadcast implements Broadcast {
  readonly kind = "updates";
  readonly replicaKind = "with-slots";
  readonly workersTakeSteps = true;
  readonly layout: RunLayout;
  readonly stateBytes: number;
  private readonly frames: StateFrames;
  private readonly feeds = new Set<UpdateFeed>();
  private readonly relayedBuckets: readonly number[];
  /** Of the step in progress, by shard. */
  private relays = new Map<number, Relay>();
  private last: LastStep | undefined;
  private digest: { step: number; weights: number } | undefined;

  constructor(layout: RunLayout) {
    this.layout = layout;
    this.frames = new StateFrames(layout, this.replicaKind);
    this.stateBytes = this.frames.stateBytes;
    this.relayedBuckets = [...layout.buckets.keys()].filter((bucket) => hasFactors(layout, bucket));
  }

  open(replica: TrainingReplica): void {
    this.frames.open(replica);
  }

  whenOpen(letIn: () => void): void {
    this.frames.whenOpen(letIn);
  }

  addWorker(parts: FeedParts): ReplicaFeed {
    const feed: UpdateFeed = new UpdateFeed(parts, this.frames, {
      update: (worker) => this.updateFor(worker),
      digest: () => this.digest,
      onClose: () => this.feeds.delete(feed),
    });
    this.feeds.add(feed);
    return feed;
  }

  takeBucket({ from, step, shard, bucket, gradients }: ArrivedBucket): void {
    if (!this.relayedBuckets.includes(bucket) || this.feeds.size < 2) return;
    // Gradients of an older step, from a worker that was away, are not needed.
    if (step !== this.frames.replica.step) return;
    const relay = this.relays.get(shard) ?? { from, to: new Map() };
    if (relay.from !== from || relay.to.has(bucket)) return;
    this.relays.set(shard, relay);
    const header = { type: "factors", step, shard, bucket } satisfies FromCoordinator;
    const parts = factorParts(this.layout, bucket, gradients);
    const frame = new OutgoingFrame(encodeFrame(header, parts));
    const others = [...this.feeds].filter(({ worker }) => worker !== from);
    const receivers = others.filter((feed) => feed.sendFactors(frame));
    relay.to.set(bucket, new Set(receivers.map(({ worker }) => worker)));
  }

  presentWeights(): undefined {
    return undefined;
  }

  afterBucket(): void {
    // Workers apply the update as a whole.
  }

  beforeStep(update: Update, step: number, owners: readonly (WorkerLink | undefined)[]): void {
    this.last = { step, update, owners, relays: this.relays };
    this.relays = new Map();
    for (const feed of this.feeds) feed.sendUpdate();
    // Else the first state, with the optimizer's slots, would be kept for the whole of a run.
    this.frames.clear();
  }

  /** The time to work out what the workers' digests are compared with. */
  afterStep(): void {
    const { replica } = this.frames;
    if (wantsDigest(replica.step)) {
      this.digest = { step: replica.step, weights: weightsDigest(replica) };
    }
  }

  /**
   * What a replica that stood a step back needs for the newest step.
   * @param worker where it still has its own results of that step, and what was relayed to it
   */
  private updateFor(worker: WorkerLink | undefined): {
    frame: OutgoingFrame;
    wantsDigest: boolean;
  } {
    if (!this.last) throw new Error("no step yet");
    const { step, update, owners, relays } = this.last;
    const shardsWhere = (isHere: (owner: WorkerLink, shard: number) => boolean) =>
      owners
        .flatMap((owner, shard) => (worker && owner && isHere(owner, shard) ? [shard] : []))
        .slice(0, MAX_LISTED_SHARDS);
    const wasRelayed = (owner: WorkerLink, shard: number) => {
      const relay = relays.get(shard);
      return (
        relay?.from === owner &&
        this.relayedBuckets.every((bucket) => relay.to.get(bucket)?.has(worker!))
      );
    };
    const header = {
      type: "update",
      step,
      own: shardsWhere((owner) => owner === worker),
      relayed: shardsWhere(wasRelayed),
      wantsDigest: wantsDigest(step),
    } satisfies FromCoordinator;
    const parts = updateParts(this.layout, update, [...header.own, ...header.relayed]);
    return {
      frame: new OutgoingFrame(encodeFrame(header, parts)),
      wantsDigest: header.wantsDigest,
    };
  }
}

function wantsDigest(step: number): boolean {
  return step % DIGEST_EVERY === 0;
}

/** What a feed asks its broadcast. */
interface UpdateSource {
  update(worker: WorkerLink | undefined): { frame: OutgoingFrame; wantsDigest: boolean };
  digest(): { step: number; weights: number } | undefined;
  onClose(): void;
}

class UpdateFeed implements ReplicaFeed {
  readonly worker: WorkerLink;
  private readonly parts: FeedParts;
  private readonly frames: StateFrames;
  private readonly source: UpdateSource;
  private readonly flow: FlowControl;
  private isReady = false;
  /** Its weights differ from the coordinator's: it needs the state. */
  private hasDiverged = false;

  constructor(parts: FeedParts, frames: StateFrames, source: UpdateSource) {
    this.worker = parts.worker;
    this.parts = parts;
    this.frames = frames;
    this.source = source;
    this.flow = new FlowControl(parts, frames.stateBytes);
  }

  sendState(): void {
    const { step } = this.frames.replica;
    this.isReady = true;
    for (const group of this.frames.groups) this.parts.outbox.send(this.frames.frame(group, step));
  }

  /** @returns true where the worker was sent them */
  sendFactors(frame: OutgoingFrame): boolean {
    if (!this.isReady || this.flow.isBehind) return false;
    this.parts.outbox.send(frame);
    return true;
  }

  sendUpdate(): void {
    if (!this.isReady || !this.flow.admitStep()) return;
    const needsState = this.hasDiverged;
    this.hasDiverged = false;
    // When a worker takes over a state it forgets the factors that it had.
    const { frame, wantsDigest } = this.source.update(needsState ? undefined : this.worker);
    if (wantsDigest) this.parts.onDigestRequested();
    if (needsState) this.sendState();
    this.parts.outbox.send(frame);
  }

  catchUp(): void {
    this.flow.catchUp(() => this.sendState());
  }

  /** A digest that comes too late is not judged. */
  takeDigest(step: number, weights: number): void {
    const own = this.source.digest();
    if (own?.step !== step) return;
    const isSame = own.weights === weights;
    if (!isSame) {
      if (this.hasDiverged) return;
      this.hasDiverged = true;
    }
    this.parts.onDigestJudged(step, isSame);
  }

  requestState(): void {
    this.sendState();
  }

  close(): void {
    this.source.onClose();
  }
}
