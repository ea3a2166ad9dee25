// `--broadcast updates`: after a step, workers are sent the summed gradients and apply the update like the coordinator does.
// A shard's factors are forwarded to the other workers as soon as they arrive, so that the update itself is small.
import type { RunLayout } from "../../shared/run-layout.js";
import type { Update } from "../../shared/replica/tensors.js";
import type { TrainingReplica } from "../../shared/replica/training-replica.js";
import { weightsDigest } from "../../shared/replica/weights-digest.js";
import type { WorkerLink } from "../workers/tasks.js";
import type { ArrivedBucket, Broadcast } from "./broadcast.js";
import type { FeedParts, ReplicaFeed } from "./replica-feed.js";
import { StateFrames } from "./state-frames.js";
import { UpdateFeeds, type WeightsDigest } from "./update-feeds.js";

/** Number of steps between two comparisons of the workers' weights with the coordinator's. */
const DIGEST_EVERY = 100;

export class UpdateBroadcast implements Broadcast {
  readonly kind = "updates";
  readonly replicaKind = "with-slots";
  readonly workersTakeSteps = true;
  readonly layout: RunLayout;
  readonly stateBytes: number;
  private readonly frames: StateFrames;
  private readonly feeds: UpdateFeeds;
  private digest: WeightsDigest | undefined;

  constructor(layout: RunLayout) {
    this.layout = layout;
    this.frames = new StateFrames(layout, this.replicaKind);
    this.stateBytes = this.frames.stateBytes;
    this.feeds = new UpdateFeeds({
      source: this.frames,
      whenState: (send) => this.frames.whenOpen(send),
      judgeDigest: ({ step, weights }, judge) => {
        if (this.digest?.step === step) judge(this.digest.weights === weights);
      },
    });
  }

  open(replica: TrainingReplica): void {
    this.frames.open(replica);
  }

  whenOpen(onOpen: () => void): () => void {
    return this.frames.whenOpen(onOpen);
  }

  addWorker(parts: FeedParts): ReplicaFeed {
    return this.feeds.add(parts);
  }

  takeBucket(arrived: ArrivedBucket): void {
    this.feeds.forwardFrom(arrived);
  }

  presentWeights(): undefined {
    return undefined;
  }

  afterBucket(): void {
    // Workers apply the update to all buckets at once.
  }

  beforeStep(update: Update, step: number, owners: readonly (WorkerLink | undefined)[]): void {
    this.feeds.sendUpdate({ step, update, owners, wantsDigest: wantsDigest(step) });
    // Otherwise the first state, with the optimizer's slots, would stay in memory for the whole run.
    this.frames.clear();
  }

  /** Computes the digest that the workers' digests are compared with. */
  afterStep(): void {
    const { replica } = this.frames;
    if (!wantsDigest(replica.step)) return;
    this.digest = { step: replica.step, weights: weightsDigest(replica) };
    this.feeds.sendDigest(this.digest);
  }
}

function wantsDigest(step: number): boolean {
  return step % DIGEST_EVERY === 0;
}
