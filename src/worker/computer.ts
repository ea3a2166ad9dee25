// The worker's side of a run: its replica, kept up to date by what the coordinator sends, and the tasks it computes on it.
import {
  type Broadcast,
  configText,
  imageShape,
  largestShard,
  networkOfRun,
  type RunConfig,
} from "../shared/config.js";
import { shardSizes } from "../shared/data/sampler.js";
import { evaluationResult, shardResult } from "../shared/model/compute.js";
import type { Network } from "../shared/model/network.js";
import { Replica } from "../shared/model/replica.js";
import type { ReplicaKind } from "../shared/model/state-layout.js";
import { loadTensorFlow } from "../shared/model/tensorflow.js";
import type { Gradient, NamedTensor } from "../shared/model/values.js";
import { FrameError } from "../shared/protocol/frame.js";
import type { FromCoordinator, FromWorker } from "../shared/protocol/messages.js";
import {
  classifierParts,
  evaluationParts,
  type KeptFactors,
  readFactors,
  readSamples,
  readState,
  readUpdate,
  shardResultParts,
  stateTailPlaces,
  weightsDigest,
} from "../shared/protocol/payload.js";

export interface Reply {
  message: FromWorker;
  parts: ArrayBufferView[];
}

/** Of a replica that no state has come to yet. */
const NO_STEP = -1;

export type Digest = FromWorker & { type: "digest" };

export class Computer {
  private readonly config: RunConfig;
  private readonly network: Network;
  private readonly kind: ReplicaKind;
  private readonly largestShard: number;
  /** Samples of each shard. */
  private readonly sizes: readonly number[];
  private readonly identity: string;
  private readonly replica: Replica;
  /** The half of a state that came first, until the other is there. */
  private classifier: { step: number; tensors: NamedTensor[] } | undefined;
  /** This step's factors by shard, which an update leaves out: of its own results, and those that were passed on. */
  private readonly own = new Map<number, ReadonlyMap<string, Gradient>>();
  private readonly relayed = new Map<number, ReadonlyMap<string, Gradient>>();

  /**
   * Loads TensorFlow with the run's threads.
   * @throws TandemError `native-library`
   */
  constructor(config: RunConfig, broadcast: Broadcast) {
    this.config = config;
    this.identity = identityOf(config, broadcast);
    this.network = networkOfRun(config);
    this.kind = broadcast === "updates" ? "with-slots" : "weights-only";
    this.largestShard = largestShard(config);
    this.sizes = shardSizes(config.batchSize, config.shards);
    this.replica = new Replica(
      loadTensorFlow(config.threads),
      this.network,
      this.kind,
      [],
      NO_STEP,
    );
  }

  /** True where the computer can go on with this run, as after a lost connection. */
  fits(config: RunConfig, broadcast: Broadcast): boolean {
    return this.identity === identityOf(config, broadcast);
  }

  /**
   * Where the tail of a state is written as it arrives: weights where runs will read them.
   * @throws FrameError where it cannot be the tail of this run's
   */
  tailPlaces(message: FromCoordinator, lengths: readonly number[]): Uint8Array[] {
    if (message.type !== "state") throw new FrameError(`a tail behind ${message.type}`);
    const { network, kind } = this;
    return stateTailPlaces(network, kind, message.half, lengths, (name) =>
      this.replica.nextPlace(name),
    );
  }

  /**
   * Takes a half of a state; with the features', which come last, the replica goes there.
   * @throws FrameError where the parts are not this run's state
   */
  takeState(message: FromCoordinator & { type: "state" }, parts: readonly Uint8Array[]): void {
    const { half, step } = message;
    const tensors = readState(this.network, this.kind, message, parts);
    if (half === "classifier") {
      this.classifier = { step, tensors };
      return;
    }
    if (this.classifier?.step !== step) throw new FrameError(`features of step ${step} alone`);
    this.replica.load([...this.classifier.tensors, ...tensors], step);
    this.classifier = undefined;
    this.forgetFactors();
  }

  /** @throws FrameError where the update does not lead on from the replica's step */
  takeUpdate(message: FromCoordinator & { type: "update" }, parts: readonly Uint8Array[]): void {
    const replica = this.replicaAt(message.step - 1);
    if (this.kind !== "with-slots") throw new FrameError("an update for a replica without slots");
    const kept: KeptFactors = new Map([
      ...message.own.map((shard) => [shard, factorsOf(this.own, shard)] as const),
      ...message.relayed.map((shard) => [shard, factorsOf(this.relayed, shard)] as const),
    ]);
    const update = readUpdate(this.network, this.sizes, kept, parts);
    this.forgetFactors();
    replica.apply(update, this.config.learningRate);
  }

  /** @throws FrameError where they cannot be that shard's */
  takeFactors(message: FromCoordinator & { type: "factors" }, parts: readonly Uint8Array[]): void {
    const { step, shard } = message;
    const rows = this.sizes[shard];
    if (rows === undefined) throw new FrameError(`factors of shard ${shard}, which is none`);
    const factors = readFactors(this.network, this.largestShard, rows, parts);
    // Those of a step that this replica is not at will not be asked for.
    if (this.replica.step === step) this.relayed.set(shard, factors);
  }

  /** What this worker's weights have come to, for the coordinator to compare with its own. */
  digest(): Digest {
    return { type: "digest", step: this.replica.step, weights: weightsDigest(this.replica) };
  }

  /**
   * @param send takes the parts of the answer as they are there
   * @throws FrameError where the task is not one of this run or this step
   */
  compute(
    message: FromCoordinator & { type: "shard" | "evaluate" },
    parts: readonly Uint8Array[],
    send: (reply: Reply) => void,
  ): void {
    const replica = this.replicaAt(message.step);
    const { classes } = this.config.data;
    if (message.count < 1) throw new FrameError("a task without samples");
    const samples = readSamples(imageShape(this.config), classes, message.count, parts);
    const from = performance.now();
    if (message.type === "evaluate") {
      const result = evaluationResult(replica, samples);
      const computed = { from, to: performance.now() };
      const { task } = message;
      const { lossSum } = result;
      send({
        message: { type: "evaluated", task, lossSum, computed },
        parts: evaluationParts(result),
      });
      return;
    }
    const { task, step, shard } = message;
    const { batchSize } = this.config;
    const onClassifier = (gradients: ReadonlyMap<string, Gradient>) => {
      if (this.kind === "with-slots") this.own.set(shard, gradients);
      const message = { type: "classifier", task, step, shard } as const;
      send({ message, parts: classifierParts(this.network, gradients) });
    };
    const result = shardResult(replica, samples, batchSize, this.largestShard, onClassifier);
    const computed = { from, to: performance.now() };
    const { loss } = result;
    send({
      message: { type: "result", task, step, shard, loss, computed },
      parts: shardResultParts(this.network, result),
    });
  }

  private forgetFactors(): void {
    this.own.clear();
    this.relayed.clear();
  }

  private replicaAt(step: number): Replica {
    if (this.replica.step !== step) {
      throw new FrameError(`a task of step ${step} at step ${this.replica.step}`);
    }
    return this.replica;
  }
}

function factorsOf(kept: KeptFactors, shard: number): ReadonlyMap<string, Gradient> {
  const factors = kept.get(shard);
  if (!factors) throw new FrameError(`an update without shard ${shard}, which is not here`);
  return factors;
}

function identityOf(config: RunConfig, broadcast: Broadcast): string {
  return `${broadcast} ${configText(config)}`;
}
