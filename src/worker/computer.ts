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
import { Ops } from "../shared/model/ops.js";
import { Replica } from "../shared/model/replica.js";
import type { ReplicaKind } from "../shared/model/state-layout.js";
import { loadTensorFlow } from "../shared/model/tensorflow.js";
import type { Gradient } from "../shared/model/values.js";
import { FrameError } from "../shared/protocol/frame.js";
import type { FromCoordinator, FromWorker } from "../shared/protocol/messages.js";
import {
  checksumOf,
  evaluationParts,
  type KeptFactors,
  readSamples,
  readState,
  readUpdate,
  shardResultParts,
  weightsDigest,
} from "../shared/protocol/payload.js";

export interface Reply {
  message: FromWorker;
  parts: ArrayBufferView[];
}

export type Digest = FromWorker & { type: "digest" };

export class Computer {
  private readonly config: RunConfig;
  private readonly network: Network;
  private readonly ops: Ops;
  private readonly kind: ReplicaKind;
  private readonly largestShard: number;
  private readonly identity: string;
  private replica: Replica | undefined;
  /** This step's own gradients by shard, which an update leaves out. */
  private readonly kept = new Map<number, ReadonlyMap<string, Gradient>>();

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
    this.ops = new Ops(loadTensorFlow(config.threads));
  }

  /** True where the computer can go on with this run, as after a lost connection. */
  fits(config: RunConfig, broadcast: Broadcast): boolean {
    return this.identity === identityOf(config, broadcast);
  }

  /** @throws FrameError where the parts are not this run's state */
  takeState(message: FromCoordinator & { type: "state" }, parts: readonly Uint8Array[]): void {
    this.kept.clear();
    const tensors = readState(this.network, this.kind, parts);
    if (this.replica) this.replica.load(tensors, message.step);
    else this.replica = new Replica(this.ops, this.network, this.kind, tensors, message.step);
  }

  /** @throws FrameError where the update does not lead on from the replica's step */
  takeUpdate(message: FromCoordinator & { type: "update" }, parts: readonly Uint8Array[]): void {
    const replica = this.replicaAt(message.step - 1);
    if (this.kind !== "with-slots") throw new FrameError("an update for a replica without slots");
    const { batchSize, learningRate, shards } = this.config;
    const kept: KeptFactors = new Map(message.own.map((shard) => [shard, this.ownOf(shard)]));
    const update = readUpdate(this.network, shardSizes(batchSize, shards), kept, parts);
    this.kept.clear();
    replica.apply(update, learningRate);
  }

  /** What this worker's weights have come to, for the coordinator to compare with its own. */
  digest(): Digest {
    if (!this.replica) throw new FrameError("a digest before the state");
    return { type: "digest", step: this.replica.step, weights: weightsDigest(this.replica) };
  }

  /** @throws FrameError where the task is not one of this run or this step */
  compute(
    message: FromCoordinator & { type: "shard" | "evaluate" },
    parts: readonly Uint8Array[],
  ): Reply {
    const replica = this.replicaAt(message.step);
    const { classes } = this.config.data;
    if (message.count < 1) throw new FrameError("a task without samples");
    const samples = readSamples(imageShape(this.config), classes, message.count, parts);
    const from = performance.now();
    if (message.type === "evaluate") {
      const result = evaluationResult(replica, samples);
      const computed = { from, to: performance.now() };
      return {
        message: { type: "evaluated", task: message.task, lossSum: result.lossSum, computed },
        parts: evaluationParts(result),
      };
    }
    const result = shardResult(replica, samples, this.config.batchSize, this.largestShard);
    const { task, step, shard } = message;
    const computed = { from, to: performance.now() };
    if (this.kind === "with-slots") this.kept.set(shard, result.gradients);
    const resultParts = shardResultParts(this.network, result);
    const { loss } = result;
    const checksum = checksumOf(resultParts);
    return {
      message: { type: "result", task, step, shard, loss, checksum, computed },
      parts: resultParts,
    };
  }

  private ownOf(shard: number): ReadonlyMap<string, Gradient> {
    const own = this.kept.get(shard);
    if (!own) throw new FrameError(`an update without shard ${shard}, which was not computed here`);
    return own;
  }

  private replicaAt(step: number): Replica {
    if (!this.replica) throw new FrameError("a task before the state");
    if (this.replica.step !== step) {
      throw new FrameError(`a task of step ${step} at step ${this.replica.step}`);
    }
    return this.replica;
  }
}

function identityOf(config: RunConfig, broadcast: Broadcast): string {
  return `${broadcast} ${configText(config)}`;
}
