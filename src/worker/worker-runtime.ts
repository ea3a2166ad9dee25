// Keeps a worker's replica of the weights up to date and computes tasks on it. No sockets: messages are passed in.
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

/** Factors by shard, collected bucket by bucket. */
type ShardFactors = Map<number, Map<string, Gradient>>;

export class WorkerRuntime {
  /** The numerics fingerprint of the run's engine on this machine. */
  readonly numerics: string;
  private readonly identity: string;
  private readonly layout: RunLayout;
  private readonly kind: ReplicaKind;
  private readonly replica: TrainingReplica | WeightsReplica;
  /** The groups of a state that is not complete yet. */
  private incoming: { step: number; nextGroup: number; tensors: NamedTensor[] } | undefined;
  /** The current step's shards that are being computed. */
  private readonly passes = new StepPasses(() => performance.now());
  /** The current step's factors: those that this worker computed, and those of others that it was sent. */
  private readonly own: ShardFactors = new Map();
  private readonly relayed: ShardFactors = new Map();

  /** @param openEngine loads the engine that executes the run's network */
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
    // Before the replica, so that the probe's session is closed when the replica's session is opened.
    this.numerics = numericsFingerprint(this.layout, engine);
    this.replica = new Kind(this.layout, engine);
  }

  /** Step of the weights; −1 until there are any. */
  get step(): number {
    return this.replica.step;
  }

  /** True if the runtime can continue with this run, for example after a lost connection. */
  fits(config: RunConfig, broadcast: BroadcastKind): boolean {
    return this.identity === identityOf(config, broadcast);
  }

  /**
   * Memory that the tail of a state is written to as it arrives: weights are written where the engine's runs will read them.
   * @throws FrameError if this cannot be the tail of this run's state
   */
  tailPlaces(message: FromCoordinator, lengths: readonly number[]): Uint8Array[] {
    if (message.type !== "state") throw new FrameError(`${message.type} with a tail`);
    const { replica } = this;
    return stateTailPlaces(this.layout, this.kind, message.group, lengths, (name) =>
      replica instanceof WeightsReplica ? replica.nextPlace(name) : undefined,
    );
  }

  /**
   * Takes a group of a state. The last bucket's group comes last; then the replica moves to the state's step.
   * @throws FrameError if the parts do not match this run's state, or are out of order
   */
  takeState(message: Message<"state">, parts: readonly Uint8Array[]): void {
    const { group, step } = message;
    const tensors = readState(this.layout, this.kind, message, parts);
    const { length: bucketCount } = this.layout.buckets;
    if (group === bucketCount) {
      this.incoming = { step, nextGroup: 0, tensors };
      return;
    }
    // A state that starts again was cut off with an earlier connection, unless only its frozen tensors have arrived.
    if (group === 0 && (this.incoming?.step !== step || this.incoming.nextGroup > 0)) {
      if (this.replica.step < 0 && hasFrozen(this.layout)) {
        throw new FrameError("the first state lacks the frozen tensors");
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

  /** @throws FrameError if the update does not follow the replica's step */
  takeUpdate(message: Message<"update">, parts: readonly Uint8Array[]): void {
    this.checkStep(message.step - 1);
    const { replica } = this;
    if (!(replica instanceof TrainingReplica)) {
      throw new FrameError("update in a run that broadcasts weights");
    }
    const known = new Map([
      ...message.own.map((shard) => [shard, factorsOf(this.own, shard)] as const),
      ...message.relayed.map((shard) => [shard, factorsOf(this.relayed, shard)] as const),
    ]);
    const update = readUpdate(this.layout, known, parts);
    this.endStep();
    replica.apply(update);
  }

  /** @throws FrameError if they cannot be that shard's factors */
  takeFactors(message: Message<"factors">, parts: readonly Uint8Array[]): void {
    const { step, shard, bucket } = message;
    const rows = this.layout.shardSizes[shard];
    if (rows === undefined) throw new FrameError(`factors of shard ${shard}, which does not exist`);
    const factors = readFactors(this.layout, bucket, rows, parts);
    // Factors of another step will not be used.
    if (this.replica.step === step) addFactors(this.relayed, shard, factors);
  }

  /**
   * Continues the shards that wait at a barrier; their results are sent by the `send` that they were started with.
   * @throws FrameError if this is not the current step's next barrier
   */
  takeMerged(message: Message<"merged">, parts: readonly Uint8Array[]): void {
    this.checkStep(message.step);
    if (message.barrier !== this.passes.mergedCount) {
      throw new FrameError(`barrier ${message.barrier} out of order`);
    }
    this.passes.resume(readMerged(this.layout, message.barrier, parts));
  }

  /** Drops the shards that wait for a coordinator that is disconnected. */
  endTasks(): void {
    this.passes.clear();
  }

  /** A digest of this worker's weights, for the coordinator to compare with its own. */
  digest(): FromWorker & { type: "digest" } {
    const { replica } = this;
    if (!(replica instanceof TrainingReplica)) {
      throw new FrameError("digest requested in a run that broadcasts weights");
    }
    return { type: "digest", step: replica.step, weights: weightsDigest(replica) };
  }

  /**
   * Computes a task. A shard is computed up to its next barrier, and continued by `takeMerged`.
   * @param send called with each message of the answer as it is computed
   * @throws FrameError if the task does not match this run or its current step
   */
  compute(
    message: Message<"shard"> | Message<"evaluate"> | Message<"moments">,
    parts: readonly Uint8Array[],
    send: (reply: Reply) => void,
  ): void {
    this.checkStep(message.step);
    if (message.count < 1) throw new FrameError("task without samples");
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
    // Limits the memory of waiting shards: a coordinator assigns each shard at most once.
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

  /** Drops everything that belongs to the current step only. */
  private endStep(): void {
    this.passes.clear();
    this.own.clear();
    this.relayed.clear();
  }

  private checkStep(step: number): void {
    if (this.replica.step !== step) {
      throw new FrameError(`message of step ${step} at step ${this.replica.step}`);
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
  if (!factors) throw new FrameError(`update lacks shard ${shard}, which was not received`);
  return factors;
}

function identityOf(config: RunConfig, broadcast: BroadcastKind): string {
  return `${broadcast} ${configText(config)}`;
}
