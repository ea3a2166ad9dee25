// `--broadcast updates`: after a step workers are sent the summed gradients and apply them as the coordinator does. Factors
// of a shard are relayed to the other workers as soon as they arrive, so that the update itself is small.
import type { RunLayout } from "../../shared/run-layout.js";
import type { Update } from "../../shared/replica/tensors.js";
import type { TrainingReplica } from "../../shared/replica/training-replica.js";
import { weightsDigest } from "../../shared/replica/weights-digest.js";
import type { WorkerLink } from "../workers/tasks.js";
import type { ArrivedBucket, Broadcast } from "./broadcast.js";
import type { FeedParts, ReplicaFeed } from "./replica-feed.js";
import { StateFrames } from "./state-frames.js";
import { UpdateFeeds, type WeightsDigest } from "./update-feeds.js";

/** Steps between two comparisons of the workers' weights with the coordinator's. */
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

  whenOpen(letIn: () => void): () => void {
    return this.frames.whenOpen(letIn);
  }

  addWorker(parts: FeedParts): ReplicaFeed {
    return this.feeds.add(parts);
  }

  takeBucket(arrived: ArrivedBucket): void {
    this.feeds.relayFrom(arrived);
  }

  presentWeights(): undefined {
    return undefined;
  }

  afterBucket(): void {
    // Workers apply the update as a whole.
  }

  beforeStep(update: Update, step: number, owners: readonly (WorkerLink | undefined)[]): void {
    this.feeds.sendUpdate({ step, update, owners, wantsDigest: wantsDigest(step) });
    // Else the first state, with the optimizer's slots, would be kept for the whole of a run.
    this.frames.clear();
  }

  /** The time to work out what the workers' digests are compared with. */
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
