// What a worker does with what its coordinator sends, without sockets: keeps a replica of the weights up to date, and
// computes tasks on it.
import {
  type BroadcastKind,
  configText,
  type EngineSpec,
  type RunConfig,
  sampleShapeOf,
} from "../shared/config.js";
import type { Engine } from "../shared/engine/engine.js";
import { FrameError } from "../shared/protocol/frame.js";
import type { FromCoordinator, FromWorker } from "../shared/protocol/messages.js";
import { barrierParts, readMerged } from "../shared/protocol/payloads/barrier.js";
import { bucketParts } from "../shared/protocol/payloads/bucket.js";
import { evaluationParts } from "../shared/protocol/payloads/evaluation.js";
import { readFactors } from "../shared/protocol/payloads/factors.js";
import {
  layersOfPass,
  momentsParts,
  readEvaluationTask,
  readMomentsTask,
} from "../shared/protocol/payloads/moments.js";
import { readSamples } from "../shared/protocol/payloads/samples.js";
import { shardResultParts } from "../shared/protocol/payloads/shard-result.js";
import { readState, stateTailPlaces } from "../shared/protocol/payloads/state.js";
import { readUpdate } from "../shared/protocol/payloads/update.js";
import { numericsFingerprint } from "../shared/replica/fingerprint.js";
import { evaluateSamples, measureMoments } from "../shared/replica/inference.js";
import { beginShard } from "../shared/replica/shard-pass.js";
import { hasFrozen, type ReplicaKind } from "../shared/replica/state-layout.js";
import { StepPasses } from "../shared/replica/step-passes.js";
import type { Gradient, Gradients, NamedTensor } from "../shared/replica/tensors.js";
import { TrainingReplica } from "../shared/replica/training-replica.js";
import { weightsDigest } from "../shared/replica/weights-digest.js";
import { WeightsReplica } from "../shared/replica/weights-replica.js";
import type { RunLayout } from "../shared/run-layout.js";

type Message<Type extends FromCoordinator["type"]> = FromCoordinator & { type: Type };

export interface Reply {
  message: FromWorker;
  parts: ArrayBufferView[];
}

/** The factors of a shard, gathered bucket by bucket. */
type ShardFactors = Map<number, Map<string, Gradient>>;

export class WorkerRuntime {
  /** The numerics fingerprint of the run's engine on this machine. */
  readonly numerics: string;
  private readonly identity: string;
  private readonly layout: RunLayout;
  private readonly kind: ReplicaKind;
  private readonly replica: TrainingReplica | WeightsReplica;
  /** Groups of a state that is not complete yet. */
  private incoming: { step: number; nextGroup: number; tensors: NamedTensor[] } | undefined;
  /** Of the present step: the shards that are being computed. */
  private readonly passes = new StepPasses(() => performance.now());
  /** Of the present step, by shard: what this worker computed, and what it was sent of others. */
  private readonly own: ShardFactors = new Map();
  private readonly relayed: ShardFactors = new Map();

  /** @param openEngine loads what executes the run's network */
  constructor(
    layout: RunLayout,
    broadcast: BroadcastKind,
    openEngine: (spec: EngineSpec) => Engine,
  ) {
    this.identity = identityOf(layout.config, broadcast);
    this.layout = layout;
    this.kind = broadcast === "updates" ? "with-slots" : "weights-only";
    const Kind = this.kind === "with-slots" ? TrainingReplica : WeightsReplica;
    const engine = openEngine(layout.config.engine);
    // Before the replica: the probe's session is gone when the replica's is opened.
    this.numerics = numericsFingerprint(this.layout, engine);
    this.replica = new Kind(this.layout, engine);
  }

  /** That of the weights; −1 before there are any. */
  get step(): number {
    return this.replica.step;
  }

  /** True where the runtime can go on with this run, as after a lost connection. */
  fits(config: RunConfig, broadcast: BroadcastKind): boolean {
    return this.identity === identityOf(config, broadcast);
  }

  /**
   * Where the tail of a state is written as it arrives: weights where runs will read them.
   * @throws FrameError where it cannot be the tail of this run's
   */
  tailPlaces(message: FromCoordinator, lengths: readonly number[]): Uint8Array[] {
    if (message.type !== "state") throw new FrameError(`a tail behind ${message.type}`);
    const { replica } = this;
    return stateTailPlaces(this.layout, this.kind, message.group, lengths, (name) =>
      replica instanceof WeightsReplica ? replica.nextPlace(name) : undefined,
    );
  }

  /**
   * Takes a group of a state; with the last bucket's, which comes last, the replica is at its step.
   * @throws FrameError where the parts are not this run's state, or come in another order
   */
  takeState(message: Message<"state">, parts: readonly Uint8Array[]): void {
    const { group, step } = message;
    const tensors = readState(this.layout, this.kind, message, parts);
    const { length: bucketCount } = this.layout.buckets;
    if (group === bucketCount) {
      this.incoming = { step, nextGroup: 0, tensors };
      return;
    }
    // One that is begun already was cut off with an earlier connection, unless only what is not trained has come of it.
    if (group === 0 && (this.incoming?.step !== step || this.incoming.nextGroup > 0)) {
      if (this.replica.step < 0 && hasFrozen(this.layout)) {
        throw new FrameError("a first state without what is not trained");
      }
      this.incoming = { step, nextGroup: 0, tensors: [] };
    }
    const { incoming } = this;
    if (incoming?.step !== step || incoming.nextGroup !== group) {
      throw new FrameError(`group ${group} of step ${step} out of order`);
    }
    incoming.tensors.push(...tensors);
    incoming.nextGroup++;
    if (incoming.nextGroup < bucketCount) return;
    this.endStep();
    this.replica.load(incoming.tensors, step);
    this.incoming = undefined;
  }

  /** @throws FrameError where the update does not go on from the replica's step */
  takeUpdate(message: Message<"update">, parts: readonly Uint8Array[]): void {
    this.checkStep(message.step - 1);
    const { replica } = this;
    if (!(replica instanceof TrainingReplica)) {
      throw new FrameError("an update for a replica without slots");
    }
    const known = new Map([
      ...message.own.map((shard) => [shard, factorsOf(this.own, shard)] as const),
      ...message.relayed.map((shard) => [shard, factorsOf(this.relayed, shard)] as const),
    ]);
    const update = readUpdate(this.layout, known, parts);
    this.endStep();
    replica.apply(update);
  }

  /** @throws FrameError where they cannot be that shard's */
  takeFactors(message: Message<"factors">, parts: readonly Uint8Array[]): void {
    const { step, shard, bucket } = message;
    const rows = this.layout.shardSizes[shard];
    if (rows === undefined) throw new FrameError(`factors of shard ${shard}, which does not exist`);
    const factors = readFactors(this.layout, bucket, rows, parts);
    // Those of a step that this replica is not at will not be asked for.
    if (this.replica.step === step) addFactors(this.relayed, shard, factors);
  }

  /**
   * Shards that wait at a barrier go on: what there is to send of them is sent as their tasks' answers.
   * @throws FrameError where this is not the present step's next barrier
   */
  takeMerged(message: Message<"merged">, parts: readonly Uint8Array[]): void {
    this.checkStep(message.step);
    if (message.barrier !== this.passes.mergedCount) {
      throw new FrameError(`barrier ${message.barrier} out of order`);
    }
    this.passes.resume(readMerged(this.layout, message.barrier, parts));
  }

  /** Ends what waits for a coordinator that is gone. */
  endTasks(): void {
    this.passes.clear();
  }

  /** A digest of this worker's weights, for the coordinator to compare with its own. */
  digest(): FromWorker & { type: "digest" } {
    const { replica } = this;
    if (!(replica instanceof TrainingReplica)) throw new FrameError("a digest of weights as sent");
    return { type: "digest", step: replica.step, weights: weightsDigest(replica) };
  }

  /**
   * A shard is computed up to the next barrier, and goes on with `takeMerged`.
   * @param send is given the parts of the answer as they are computed
   * @throws FrameError where the task is not one of this run or this step
   */
  compute(
    message: Message<"shard"> | Message<"evaluate"> | Message<"moments">,
    parts: readonly Uint8Array[],
    send: (reply: Reply) => void,
  ): void {
    this.checkStep(message.step);
    if (message.count < 1) throw new FrameError("a task without samples");
    if (message.type === "evaluate") {
      send(this.evaluate(message, parts));
      return;
    }
    if (message.type === "moments") {
      send(this.measure(message, parts));
      return;
    }
    const samples = readSamples(sampleShapeOf(this.layout.config), message.count, parts);
    const { task } = message;
    const from = performance.now();
    const { step, shard, first: firstSample } = message;
    const onBucket = (bucket: number, gradients: Gradients) => {
      const parts = bucketParts(this.layout, bucket, gradients);
      send({ message: { type: "gradients", task, step, shard, bucket }, parts });
    };
    const { passes } = this;
    // What is held of a step is bounded: no coordinator needs a shard's task twice.
    if (passes.waitingCount >= this.layout.shardSizes.length && !passes.isWaiting(task)) {
      throw new FrameError("more shards at once than the run has");
    }
    const start = (onContribution: (values: Float32Array) => void) =>
      beginShard(this.replica, { step, firstSample, samples }, onBucket, onContribution);
    passes.begin(task, start, {
      onContribution: (barrier, values) =>
        send({
          message: { type: "barrier", task, step, shard, barrier },
          parts: barrierParts(values),
        }),
      onResult: (result, waited) => {
        if (this.kind === "with-slots") addFactors(this.own, shard, result.gradients);
        const computed = { from, to: performance.now(), waited };
        const { loss } = result;
        send({
          message: { type: "result", task, step, shard, loss, computed },
          parts: shardResultParts(this.layout, result),
        });
      },
    });
  }

  private evaluate(message: Message<"evaluate">, parts: readonly Uint8Array[]): Reply {
    const { task, count, population } = message;
    const { samples, known } = population
      ? readEvaluationTask(this.layout, count, parts)
      : { samples: readSamples(sampleShapeOf(this.layout.config), count, parts) };
    const from = performance.now();
    const result = evaluateSamples(this.replica, samples, known);
    const computed = { from, to: performance.now() };
    const { lossSum } = result;
    return {
      message: { type: "evaluated", task, lossSum, computed },
      parts: evaluationParts(result),
    };
  }

  private measure(message: Message<"moments">, parts: readonly Uint8Array[]): Reply {
    const { task, pass } = message;
    const { samples, known } = readMomentsTask(this.layout, message, parts);
    const from = performance.now();
    const layers = layersOfPass(this.layout, pass);
    const moments = measureMoments(this.replica, samples, layers, known);
    const computed = { from, to: performance.now() };
    return {
      message: { type: "measured", task, computed },
      parts: momentsParts(this.layout, pass, moments),
    };
  }

  /** What belongs to the present step only. */
  private endStep(): void {
    this.passes.clear();
    this.own.clear();
    this.relayed.clear();
  }

  private checkStep(step: number): void {
    if (this.replica.step !== step) {
      throw new FrameError(`a task of step ${step} at step ${this.replica.step}`);
    }
  }
}

function addFactors(shards: ShardFactors, shard: number, gradients: Gradients): void {
  const factors = shards.get(shard) ?? new Map<string, Gradient>();
  shards.set(shard, factors);
  for (const [name, gradient] of gradients) {
    if (gradient.form === "factors") factors.set(name, gradient);
  }
}

function factorsOf(shards: ShardFactors, shard: number): Gradients {
  const factors = shards.get(shard);
  if (!factors) throw new FrameError(`an update without shard ${shard}, which is not here`);
  return factors;
}

function identityOf(config: RunConfig, broadcast: BroadcastKind): string {
  return `${broadcast} ${configText(config)}`;
}
