// The relay's side of its connection to the coordinator: accepts what a worker's runtime accepts, and passes it on to the relay's own
// workers. A relay only computes sums, so it needs no engine. Messages are checked as a worker checks them.
import { type BroadcastKind, configText, type RunConfig, sampleShapeOf } from "../shared/config.js";
import { MAX_EVALUATION_SAMPLES } from "../shared/evaluation.js";
import { FrameError } from "../shared/protocol/frame.js";
import type { FromCoordinator, ToRelay } from "../shared/protocol/messages.js";
import { readMerged } from "../shared/protocol/payloads/barrier.js";
import { readEvaluationTask, readMomentsTask } from "../shared/protocol/payloads/moments.js";
import { readSamples } from "../shared/protocol/payloads/samples.js";
import type { RunLayout } from "../shared/run-layout.js";
import type { Task } from "../coordinator/workers/tasks.js";
import type { RelayDuties, Runtime } from "../worker/runtime.js";
import type { Reply } from "../worker/worker-runtime.js";
import type { RelayBroadcast } from "./relay-broadcast.js";
import type { RelayPool } from "./relay-pool.js";

type Message<Type extends FromCoordinator["type"]> = FromCoordinator & { type: Type };

export interface RelayRuntimeParts {
  layout: RunLayout;
  kind: BroadcastKind;
  pool: RelayPool;
  broadcast: RelayBroadcast;
  /** Called with the function that sends to the coordinator; with undefined when the connection ends. */
  onUplink: (send: ((reply: Reply) => void) | undefined) => void;
  /** Called when the connection to the coordinator broke, after its tasks have been dropped. */
  onCoordinatorLost: () => void;
}

export class RelayRuntime implements Runtime, RelayDuties {
  private readonly parts: RelayRuntimeParts;

  constructor(parts: RelayRuntimeParts) {
    this.parts = parts;
  }

  /** The configuration's fingerprint: the relay refuses workers whose fingerprints differ. */
  get numerics(): string {
    return this.parts.layout.config.numerics;
  }

  fits(config: RunConfig, broadcast: BroadcastKind): boolean {
    const { layout, kind } = this.parts;
    return kind === broadcast && configText(layout.config) === configText(config);
  }

  // ── from the connection ──

  onReady(send: (reply: Reply) => void): void {
    this.parts.onUplink(send);
    this.parts.pool.noteConnected();
    this.parts.broadcast.noteConnected();
  }

  endTasks(): void {
    this.parts.onUplink(undefined);
    this.parts.broadcast.noteLost();
    this.parts.pool.endTasks();
  }

  onLost(): void {
    this.parts.onCoordinatorLost();
  }

  tailPlaces(
    message: FromCoordinator,
    lengths: readonly number[],
    parts: readonly Uint8Array[],
  ): Uint8Array[] {
    if (message.type !== "state") throw new FrameError(`${message.type} with a tail`);
    return this.parts.broadcast.tailPlaces(message, lengths, parts);
  }

  noteTail(byteLength: number): void {
    this.parts.broadcast.noteTail(byteLength);
  }

  takeState(message: Message<"state">, parts: readonly Uint8Array[]): void {
    if (this.parts.broadcast.takeState(message, parts)) this.parts.pool.endTasks();
  }

  takeUpdate(message: Message<"update">, parts: readonly Uint8Array[]): void {
    this.checkStep(message.step - 1);
    this.parts.broadcast.takeUpdate(message, parts);
    this.parts.pool.endTasks();
  }

  takeFactors(message: Message<"factors">, parts: readonly Uint8Array[]): void {
    this.parts.broadcast.takeFactors(message, parts);
  }

  takeMerged({ step, barrier }: Message<"merged">, parts: readonly Uint8Array[]): void {
    this.checkStep(step);
    const values = readMerged(this.parts.layout, barrier, parts);
    this.parts.pool.takeMerged({ step, barrier, values });
  }

  takeFromCoordinator(message: ToRelay): void {
    if (message.type === "cancel") this.parts.pool.cancel(message.task);
    else this.parts.broadcast.takeDigest(message);
  }

  /** A relay compares its workers' digests with the coordinator's itself. */
  digest(): undefined {
    return undefined;
  }

  compute(
    message: Message<"shard"> | Message<"evaluate"> | Message<"moments">,
    parts: readonly Uint8Array[],
  ): void {
    this.checkStep(message.step);
    if (message.count < 1) throw new FrameError("task without samples");
    this.parts.pool.begin(this.readTask(message, parts));
  }

  /** @throws FrameError */
  private readTask(
    message: Message<"shard"> | Message<"evaluate"> | Message<"moments">,
    parts: readonly Uint8Array[],
  ): Task {
    const { layout } = this.parts;
    const { task: id, step, count } = message;
    const shape = sampleShapeOf(layout.config);
    switch (message.type) {
      case "shard": {
        const { shard, first: firstSample } = message;
        if (layout.shardSizes[shard] !== count) {
          throw new FrameError(`shard ${shard} of ${count} samples`);
        }
        const samples = readSamples(shape, count, parts);
        return { kind: "shard", id, step, shard, firstSample, samples };
      }
      case "evaluate": {
        checkCount(count);
        if (!message.population) {
          return { kind: "evaluate", id, step, samples: readSamples(shape, count, parts) };
        }
        return { kind: "evaluate", id, step, ...readEvaluationTask(layout, count, parts) };
      }
      case "moments": {
        checkCount(count);
        const { pass } = message;
        return { kind: "moments", id, step, pass, ...readMomentsTask(layout, message, parts) };
      }
    }
  }

  private checkStep(step: number): void {
    const { step: current } = this.parts.broadcast;
    if (current !== step) throw new FrameError(`message of step ${step} at step ${current}`);
  }
}

/** For evaluation and moments tasks. */
function checkCount(count: number): void {
  if (count > MAX_EVALUATION_SAMPLES) throw new FrameError(`batch of ${count} samples`);
}
