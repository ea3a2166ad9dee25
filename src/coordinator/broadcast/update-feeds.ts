// Workers that apply updates themselves, a coordinator's or a relay's: factors of a shard go to the others as soon as they arrive
// from one, so that the update itself is small; then each is sent the update without what it has.
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

/** Whose result is used, of a shard; `elsewhere`: of a worker that is behind another coordinator or relay. */
export type Owner = WorkerLink | "elsewhere";

/** The factors of a shard that were relayed before it was known whose result would be used. */
interface Relay {
  from: Owner;
  /** By bucket, who was sent it. */
  to: Map<number, ReadonlySet<WorkerLink>>;
}

/** The step that is reported to workers. */
export interface NextStep {
  step: number;
  update: Update;
  /** By shard; undefined where everyone has to be sent its factors. */
  owners: readonly (Owner | undefined)[];
  wantsDigest: boolean;
}

export interface WeightsDigest {
  step: number;
  weights: number;
}

export interface UpdateFeedsParts {
  source: StateSource;
  /** Calls back when a state can be sent, at once if it can. @returns a function that withdraws the request */
  whenState: (send: () => void) => () => void;
  /** Calls back when it is known whether the digest is that of the right weights; never where it comes too late. */
  judgeDigest: (digest: WeightsDigest, judge: (isSame: boolean) => void) => void;
}

export class UpdateFeeds {
  private readonly parts: UpdateFeedsParts;
  private readonly feeds = new Set<UpdateFeed>();
  private readonly relayedBuckets: readonly number[];
  /** Of the step in progress, by shard: of workers here, and of workers elsewhere. */
  private relays = { here: new Map<number, Relay>(), elsewhere: new Map<number, Relay>() };
  private next: (NextStep & { relays: UpdateFeeds["relays"] }) | undefined;

  constructor(parts: UpdateFeedsParts) {
    this.parts = parts;
    const { layout } = parts.source;
    this.relayedBuckets = [...layout.buckets.keys()].filter((bucket) => hasFactors(layout, bucket));
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

  /** Factors of the step in progress, from a worker here, go to the others. */
  relayFrom({ from, step, shard, bucket, gradients }: ArrivedBucket): void {
    if (!this.relayedBuckets.includes(bucket) || this.feeds.size < 2) return;
    // Gradients of an older step, from a worker that was away, are not needed.
    if (step !== this.parts.source.step) return;
    const relay = this.relays.here.get(shard) ?? { from, to: new Map() };
    if (relay.from !== from || relay.to.has(bucket)) return;
    this.relays.here.set(shard, relay);
    const header = { type: "factors", step, shard, bucket } satisfies FromCoordinator;
    const parts = factorParts(this.parts.source.layout, bucket, gradients);
    this.send(relay, bucket, new OutgoingFrame(encodeFrame(header, parts)));
  }

  /** Factors of the step in progress, of a worker elsewhere. */
  relayFromElsewhere({ step, shard, bucket, gradients }: Omit<ArrivedBucket, "from">): void {
    const relay = this.relays.elsewhere.get(shard) ?? { from: "elsewhere", to: new Map() };
    if (relay.to.has(bucket)) return;
    this.relays.elsewhere.set(shard, relay);
    const header = { type: "factors", step, shard, bucket } satisfies FromCoordinator;
    const parts = factorParts(this.parts.source.layout, bucket, gradients);
    this.send(relay, bucket, new OutgoingFrame(encodeFrame(header, parts)));
  }

  /** The update that leads to the next step; from now on what comes is of that. */
  sendUpdate(next: NextStep): void {
    this.next = { ...next, relays: this.relays };
    this.beginStep();
    for (const feed of this.feeds) feed.sendUpdate();
  }

  /** Everyone is sent the state, and begins the step anew. */
  sendState(): void {
    this.beginStep();
    for (const feed of this.feeds) feed.sendState();
  }

  /** Relays compare their workers' weights with the right ones themselves. */
  sendDigest(digest: WeightsDigest): void {
    const header = { type: "digest", ...digest } satisfies FromCoordinator;
    for (const feed of this.feeds) {
      if (feed.worker.kind === "relay") feed.send(new OutgoingFrame(encodeFrame(header)));
    }
  }

  private beginStep(): void {
    this.relays = { here: new Map(), elsewhere: new Map() };
  }

  private send({ from, to }: Relay, bucket: number, frame: OutgoingFrame): void {
    const others = [...this.feeds].filter(({ worker }) => worker !== from);
    const receivers = others.filter((feed) => feed.sendFactors(frame));
    to.set(bucket, new Set(receivers.map(({ worker }) => worker)));
  }

  /**
   * What a replica that stood a step back needs for the newest step.
   * @param worker where it still has its own results of that step, and what was relayed to it
   */
  private updateFor(worker: WorkerLink | undefined): {
    frame: OutgoingFrame;
    wantsDigest: boolean;
  } {
    if (!this.next) throw new Error("no step yet");
    const { step, update, owners, relays, wantsDigest } = this.next;
    const shardsWhere = (isHere: (owner: Owner, shard: number) => boolean) =>
      owners
        .flatMap((owner, shard) => (worker && owner && isHere(owner, shard) ? [shard] : []))
        .slice(0, MAX_LISTED_SHARDS);
    const wasRelayed = (owner: Owner, shard: number) => {
      const relay = (owner === "elsewhere" ? relays.elsewhere : relays.here).get(shard);
      return (
        relay?.from === owner &&
        this.relayedBuckets.every((bucket) => relay.to.get(bucket)?.has(worker!))
      );
    };
    const header = {
      ...({ type: "update", step } as const),
      own: shardsWhere((owner) => owner === worker),
      relayed: shardsWhere(wasRelayed),
      wantsDigest,
    } satisfies FromCoordinator;
    const parts = updateParts(this.parts.source.layout, update, [...header.own, ...header.relayed]);
    return { frame: new OutgoingFrame(encodeFrame(header, parts)), wantsDigest };
  }
}
