// `--broadcast updates` behind a relay: the coordinator sends each update once, and the relay sends it to each worker without the
// factors that the worker already has. The state is not kept from step to step; for a worker that joins, it is requested.
import type { ArrivedBucket } from "../coordinator/broadcast/broadcast.js";
import type { FeedParts, ReplicaFeed } from "../coordinator/broadcast/replica-feed.js";
import {
  type Owner,
  UpdateFeeds,
  type WeightsDigest,
} from "../coordinator/broadcast/update-feeds.js";
import { Waiters } from "../coordinator/broadcast/waiters.js";
import type { WorkerLink } from "../coordinator/workers/tasks.js";
import { FrameError } from "../shared/protocol/frame.js";
import type { FromCoordinator } from "../shared/protocol/messages.js";
import { readFactors } from "../shared/protocol/payloads/factors.js";
import type { FactorsByShard } from "../shared/protocol/payloads/gradients.js";
import { readUpdate } from "../shared/protocol/payloads/update.js";
import type { Gradient, Gradients } from "../shared/replica/tensors.js";
import type { RunLayout } from "../shared/run-layout.js";
import { ReceivedState } from "./received-state.js";
import type { Send } from "./relay-answers.js";
import type { RelayBroadcast } from "./relay-broadcast.js";

type Message<Type extends FromCoordinator["type"]> = FromCoordinator & { type: Type };

export class RelayedUpdates implements RelayBroadcast {
  readonly kind = "updates";
  readonly layout: RunLayout;
  readonly stateBytes: number;
  private readonly send: Send;
  private readonly state: ReceivedState;
  private readonly feeds: UpdateFeeds;
  private readonly stateWaiters = new Waiters();
  private isStateRequested = false;
  /** By shard of the current step: the answers that were sent to the coordinator, and the factors of shards computed elsewhere. */
  private readonly own = new Map<number, { owner: WorkerLink; gradients: Gradients }>();
  private readonly elsewhere = new Map<number, Map<string, Gradient>>();
  /** The coordinator's. */
  private digest: WeightsDigest | undefined;
  /** Step of the last difference that was reported. */
  private reportedStep = -1;
  /** Workers' digests that wait for the coordinator's. */
  private unjudged: { digest: WeightsDigest; judge: (isSame: boolean) => void }[] = [];

  /** @param send sends to the coordinator */
  constructor(layout: RunLayout, send: Send) {
    this.layout = layout;
    this.send = send;
    this.state = new ReceivedState(layout, "with-slots");
    this.stateBytes = this.state.stateBytes;
    this.feeds = new UpdateFeeds({
      source: this.state,
      whenState: (onState) => this.whenOpen(onState),
      judgeDigest: (digest, judge) => {
        if (this.digest?.step === digest.step) this.judge(digest, judge);
        else if (digest.step === this.step) this.unjudged.push({ digest, judge });
      },
    });
  }

  get step(): number {
    return this.state.step;
  }

  whenOpen(onOpen: () => void): () => void {
    if (this.state.isHere) {
      onOpen();
      return () => undefined;
    }
    const cancel = this.stateWaiters.add(onOpen);
    // The coordinator sends the first state unasked.
    if (this.step >= 0) this.requestState();
    return cancel;
  }

  addWorker(parts: FeedParts): ReplicaFeed {
    return this.feeds.add(parts);
  }

  takeBucket(arrived: ArrivedBucket): void {
    this.feeds.forwardFrom(arrived);
  }

  takeAnswer(owner: WorkerLink, shard: number, gradients: Gradients): void {
    this.own.set(shard, { owner, gradients });
  }

  tailPlaces({ group }: Message<"state">, lengths: readonly number[]): Uint8Array[] {
    return this.state.places(group, lengths);
  }

  noteTail(): void {
    // A state is forwarded once it is complete, to the workers that wait for it.
  }

  takeState(message: Message<"state">, parts: readonly Uint8Array[]): boolean {
    const before = this.step;
    if (!this.state.take(message, parts)) return false;
    const isForJoiners = this.isStateRequested && message.step === before;
    this.isStateRequested = false;
    if (!isForJoiners) {
      this.beginStep();
      this.feeds.sendState();
    }
    this.stateWaiters.callAll();
    return !isForJoiners;
  }

  takeUpdate(message: Message<"update">, parts: readonly Uint8Array[]): void {
    const { own, relayed, step, wantsDigest } = message;
    const owners: (Owner | undefined)[] = this.layout.shardSizes.map(() => undefined);
    const known = new Map<number, Gradients>();
    for (const shard of own) {
      const answer = this.own.get(shard);
      if (!answer) throw new FrameError(`update lacks shard ${shard}, which was not computed here`);
      owners[shard] = answer.owner;
      known.set(shard, answer.gradients);
    }
    for (const shard of relayed) {
      const factors = this.elsewhere.get(shard);
      if (!factors) throw new FrameError(`update lacks shard ${shard}, which was not received`);
      owners[shard] = "elsewhere";
      known.set(shard, factors);
    }
    const update = readUpdate(this.layout, known satisfies FactorsByShard, parts);
    this.state.moveTo(step);
    this.beginStep();
    this.feeds.sendUpdate({ step, update, owners, wantsDigest });
    // Workers that wait for a state need the state of this step.
    if (!this.stateWaiters.isEmpty) this.requestState();
  }

  takeFactors(message: Message<"factors">, parts: readonly Uint8Array[]): void {
    const { step, shard, bucket } = message;
    const rows = this.layout.shardSizes[shard];
    if (rows === undefined) throw new FrameError(`factors of shard ${shard}, which does not exist`);
    const gradients = readFactors(this.layout, bucket, rows, parts);
    // Factors of another step will not be used.
    if (step !== this.step) return;
    const factors = this.elsewhere.get(shard) ?? new Map<string, Gradient>();
    this.elsewhere.set(shard, factors);
    for (const [name, gradient] of gradients) factors.set(name, gradient);
    this.feeds.forwardFromElsewhere({ step, shard, bucket, gradients });
  }

  takeDigest({ step, weights }: Message<"digest">): void {
    this.digest = { step, weights };
    this.reportedStep = -1;
    for (const { digest, judge } of this.unjudged.splice(0)) {
      if (digest.step === step) this.judge(digest, judge);
    }
    this.feeds.sendDigest(this.digest);
  }

  noteConnected(): void {
    // The coordinator sends the state unasked.
    this.isStateRequested = false;
  }

  /** Reports the first difference at a step to the coordinator, as the relay's results may be wrong. */
  private judge(digest: WeightsDigest, judge: (isSame: boolean) => void): void {
    const isSame = digest.weights === this.digest?.weights;
    judge(isSame);
    if (isSame || this.reportedStep === digest.step) return;
    this.reportedStep = digest.step;
    this.send({ type: "digest", ...digest });
  }

  noteLost(): void {
    this.state.abort();
  }

  private requestState(): void {
    if (this.isStateRequested) return;
    this.isStateRequested = true;
    this.send({ type: "state-request" });
  }

  private beginStep(): void {
    this.own.clear();
    this.elsewhere.clear();
    this.unjudged = this.unjudged.filter(({ digest }) => digest.step === this.step);
  }
}
