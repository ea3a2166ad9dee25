// The feeds of workers that apply updates themselves, in a coordinator or a relay. A shard's factors are forwarded to the
// other workers as soon as they arrive; each worker is then sent the update without the factors it already has.
import { OutgoingFrame } from "../../shared/protocol/channel.js";
import { encodeFrame, MAX_LISTED_SHARDS } from "../../shared/protocol/frame.js";
import type { FromCoordinator } from "../../shared/protocol/messages.js";
import { factorParts, hasFactors } from "../../shared/protocol/payloads/factors.js";
import { updateParts } from "../../shared/protocol/payloads/update.js";
import type { Update } from "../../shared/replica/tensors.js";
import type { WorkerLink } from "../workers/tasks.js";
import type { ArrivedBucket } from "./broadcast.js";
import type { FeedParts } from "./replica-feed.js";
import type { StateSource } from "./state-frames.js";
import { UpdateFeed } from "./update-feed.js";

/** The worker whose result is used for a shard; `elsewhere`: a worker that is not connected to this process. */
export type Owner = WorkerLink | "elsewhere";

/** A shard's factors that were forwarded before it was known whose result would be used. */
interface ForwardedFactors {
  from: Owner;
  /** By bucket, the workers that were sent it. */
  to: Map<number, ReadonlySet<WorkerLink>>;
}

/** The step that workers are sent the update for. */
export interface NextStep {
  step: number;
  update: Update;
  /** By shard; undefined if everyone must be sent the shard's factors. */
  owners: readonly (Owner | undefined)[];
  wantsDigest: boolean;
}

export interface WeightsDigest {
  step: number;
  weights: number;
}

export interface UpdateFeedsParts {
  source: StateSource;
  /** Calls `send` once a state can be sent; immediately if it can. @returns a function that cancels the wait */
  whenState: (send: () => void) => () => void;
  /** Calls `judge` once the right weights' digest is known; never if the digest comes too late. */
  judgeDigest: (digest: WeightsDigest, judge: (isSame: boolean) => void) => void;
}

export class UpdateFeeds {
  private readonly parts: UpdateFeedsParts;
  private readonly feeds = new Set<UpdateFeed>();
  private readonly factoredBuckets: readonly number[];
  /** Factors of the step in progress, by shard: from workers connected here, and from workers elsewhere. */
  private forwarded = createForwardedMaps();
  private next: (NextStep & { forwarded: UpdateFeeds["forwarded"] }) | undefined;

  constructor(parts: UpdateFeedsParts) {
    this.parts = parts;
    const { layout } = parts.source;
    this.factoredBuckets = [...layout.buckets.keys()].filter((bucket) =>
      hasFactors(layout, bucket),
    );
  }

  add(parts: FeedParts): UpdateFeed {
    const feed: UpdateFeed = new UpdateFeed(parts, {
      ...this.parts,
      update: (worker) => this.updateFor(worker),
      onClose: () => this.feeds.delete(feed),
    });
    this.feeds.add(feed);
    return feed;
  }

  /** Forwards factors of the step in progress from a worker connected here to the others. */
  forwardFrom(arrived: ArrivedBucket): void {
    const { from, step, shard, bucket } = arrived;
    if (!this.factoredBuckets.includes(bucket) || this.feeds.size < 2) return;
    // Gradients of an earlier step, from a worker that was late, are not needed.
    if (step !== this.parts.source.step) return;
    const factors = this.forwarded.here.get(shard) ?? { from, to: new Map() };
    if (factors.from !== from || factors.to.has(bucket)) return;
    this.forwarded.here.set(shard, factors);
    this.forward(factors, arrived);
  }

  /** Forwards factors of the step in progress from a worker elsewhere. */
  forwardFromElsewhere(arrived: Omit<ArrivedBucket, "from">): void {
    const { shard, bucket } = arrived;
    const factors = this.forwarded.elsewhere.get(shard) ?? { from: "elsewhere", to: new Map() };
    if (factors.to.has(bucket)) return;
    this.forwarded.elsewhere.set(shard, factors);
    this.forward(factors, arrived);
  }

  /** Sends the update to the next step, which is the step in progress from now on. */
  sendUpdate(next: NextStep): void {
    this.next = { ...next, forwarded: this.forwarded };
    this.beginStep();
    for (const feed of this.feeds) feed.sendUpdate();
  }

  /** Sends the state to everyone; all workers start the step again. */
  sendState(): void {
    this.beginStep();
    for (const feed of this.feeds) feed.sendState();
  }

  /** Sends relays the digest of the right weights: they judge their own workers' digests. */
  sendDigest(digest: WeightsDigest): void {
    const header = { type: "digest", ...digest } satisfies FromCoordinator;
    for (const feed of this.feeds) {
      if (feed.worker.kind === "relay") feed.send(new OutgoingFrame(encodeFrame(header)));
    }
  }

  private beginStep(): void {
    this.forwarded = createForwardedMaps();
  }

  private forward(
    { from, to }: ForwardedFactors,
    { step, shard, bucket, gradients }: Omit<ArrivedBucket, "from">,
  ): void {
    const header = { type: "factors", step, shard, bucket } satisfies FromCoordinator;
    const parts = factorParts(this.parts.source.layout, bucket, gradients);
    const frame = new OutgoingFrame(encodeFrame(header, parts));
    const others = [...this.feeds].filter(({ worker }) => worker !== from);
    const receivers = others.filter((feed) => feed.sendFactors(frame));
    to.set(bucket, new Set(receivers.map(({ worker }) => worker)));
  }

  /**
   * The update message for the newest step.
   * @param worker the receiver, if it still holds the factors it computed and those that were forwarded to it
   */
  private updateFor(worker: WorkerLink | undefined): {
    frame: OutgoingFrame;
    wantsDigest: boolean;
  } {
    if (!this.next) throw new Error("no step yet");
    const { step, update, owners, forwarded, wantsDigest } = this.next;
    const shardsWhere = (isHere: (owner: Owner, shard: number) => boolean) =>
      owners
        .flatMap((owner, shard) => (worker && owner && isHere(owner, shard) ? [shard] : []))
        .slice(0, MAX_LISTED_SHARDS);
    const wasForwarded = (owner: Owner, shard: number) => {
      const factors = (owner === "elsewhere" ? forwarded.elsewhere : forwarded.here).get(shard);
      return (
        factors?.from === owner &&
        this.factoredBuckets.every((bucket) => factors.to.get(bucket)?.has(worker!))
      );
    };
    const header = {
      ...({ type: "update", step } as const),
      own: shardsWhere((owner) => owner === worker),
      relayed: shardsWhere(wasForwarded),
      wantsDigest,
    } satisfies FromCoordinator;
    const parts = updateParts(this.parts.source.layout, update, [...header.own, ...header.relayed]);
    return { frame: new OutgoingFrame(encodeFrame(header, parts)), wantsDigest };
  }
}

function createForwardedMaps() {
  return {
    here: new Map<number, ForwardedFactors>(),
    elsewhere: new Map<number, ForwardedFactors>(),
  };
}
