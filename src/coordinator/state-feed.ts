// The frames that keep workers' replicas up to date. A state is made once a step however many workers there are, and only if
// one asks; an update is made for each, without what that worker has.
import { type Broadcast, largestShard, networkOfRun, type RunConfig } from "../shared/config.js";
import { type Half, HALVES, isFactored, sizeOf } from "../shared/model/network.js";
import type { Replica } from "../shared/model/replica.js";
import { type ReplicaKind, stateLayout } from "../shared/model/state-layout.js";
import type { Update } from "../shared/model/values.js";
import { OutgoingFrame } from "../shared/protocol/channel.js";
import { encodeFrame, MAX_LISTED_SHARDS } from "../shared/protocol/frame.js";
import type { FromCoordinator } from "../shared/protocol/messages.js";
import { stateFrame, stateMemory, updateParts, weightsDigest } from "../shared/protocol/payload.js";
import type { WorkerLink } from "./tasks.js";

/** Steps between two looks at whether the workers' weights are still the coordinator's. */
const DIGEST_EVERY = 100;

/** Factors that were passed on as soon as they were there, before it was known whose result would be taken. */
interface Relay {
  from: WorkerLink;
  to: ReadonlySet<WorkerLink>;
}

interface LastStep {
  step: number;
  update: Update;
  /** Whose result was taken, by shard. */
  owners: readonly (WorkerLink | undefined)[];
  relays: ReadonlyMap<number, Relay>;
}

interface MadeState {
  step: number;
  frame: OutgoingFrame;
  /** Where the frame's values are. */
  memory: ReadonlyMap<string, Float32Array>;
}

export class StateFeed {
  readonly config: RunConfig;
  readonly broadcast: Broadcast;
  /** Bytes of the largest thing that a worker is sent. */
  readonly stateBytes: number;
  private openReplica: Replica | undefined;
  private readonly onOpen: (() => void)[] = [];
  private last: LastStep | undefined;
  /** Of the step in hand, by shard. */
  private relays = new Map<number, Relay>();
  /** The states of the present step and of the next. */
  private made: Record<Half, MadeState[]> = { classifier: [], features: [] };
  private digest: { step: number; weights: number } | undefined;

  constructor(config: RunConfig, broadcast: Broadcast) {
    this.config = config;
    this.broadcast = updatesAreSmaller(config) ? broadcast : "weights";
    const layout = stateLayout(networkOfRun(config), this.replicaKind);
    this.stateBytes = layout.reduce((total, { shape }) => total + 4 * sizeOf(shape), 0);
  }

  /** What a worker's replica holds: with slots it takes the steps itself. */
  get replicaKind(): ReplicaKind {
    return this.broadcast === "updates" ? "with-slots" : "weights-only";
  }

  /** Samples of the run's largest shard. */
  get largestShard(): number {
    return largestShard(this.config);
  }

  /** True once there is a state to send: the port is opened before the weights are made. */
  get isOpen(): boolean {
    return this.openReplica !== undefined;
  }

  /** From now on there is a state; workers that were ready before are let in. */
  open(replica: Replica): void {
    this.openReplica = replica;
    for (const letIn of this.onOpen.splice(0)) letIn();
  }

  /** Calls back when there is a state to send, at once if there is. */
  whenOpen(letIn: () => void): void {
    if (this.isOpen) letIn();
    else this.onOpen.push(letIn);
  }

  private get replica(): Replica {
    if (!this.openReplica) throw new Error("no state yet");
    return this.openReplica;
  }

  /**
   * True where workers make the next state themselves: they can be told what leads there before the coordinator has
   * gone there itself.
   */
  get leadsAhead(): boolean {
    return this.broadcast === "updates";
  }

  /**
   * Takes note of what leads to `step`, before the workers are told to follow.
   * @param owners whose result was taken, by shard
   */
  noteUpdate(update: Update, step: number, owners: readonly (WorkerLink | undefined)[]): void {
    this.last = { step, update, owners, relays: this.relays };
    this.relays = new Map();
    // Else the first state, with Adam's slots, would be kept for the whole of a run.
    if (this.leadsAhead) this.made = { classifier: [], features: [] };
  }

  /** True where the other workers will need a shard's factors, and have not been sent them yet. */
  wantsRelay(step: number, shard: number): boolean {
    // What a worker that was away sends of an older step is of no use to anyone.
    return this.leadsAhead && step === this.replica.step && !this.relays.has(shard);
  }

  noteRelay(shard: number, from: WorkerLink, to: readonly WorkerLink[]): void {
    this.relays.set(shard, { from, to: new Set(to) });
  }

  /** The replica has taken the step: the time to work out what the workers' digests are held against. */
  noteStep(): void {
    const { step } = this.replica;
    if (this.leadsAhead && wantsDigest(step)) {
      this.digest = { step, weights: weightsDigest(this.replica) };
    }
  }

  /** Whether a worker's weights at `step` are the coordinator's; a digest that comes too late is not judged. */
  judgeDigest(step: number, weights: number): "same" | "different" | "unknown" {
    if (this.digest?.step !== step) return "unknown";
    return this.digest.weights === weights ? "same" : "different";
  }

  /** All that a worker needs to stand where the coordinator stands. */
  state(): OutgoingFrame[] {
    return HALVES.map((half) => this.half(half, this.step));
  }

  /** Steps behind the state that workers stand at. */
  get step(): number {
    return this.replica.step;
  }

  /**
   * A half of the state, that has come to `step`; made once, whoever asks.
   * The replica's classifier may have come to the next step already: then the present one's is here.
   */
  half(half: Half, step: number): OutgoingFrame {
    const made = this.made[half].find((state) => state.step === step);
    if (made) return made.frame;
    const { replica, replicaKind } = this;
    // As much new memory at each step would be as much for V8 to collect.
    const present = this.made[half].find((state) => state.step === replica.step);
    const free = this.made[half].find((state) => state !== present && !state.frame.isInUse);
    const memory = free?.memory ?? stateMemory(replica.network, replicaKind, half);
    const frame = stateFrame(replica, replicaKind, half, step, memory);
    const others = this.made[half].filter((state) => state !== free);
    this.made[half] = [...others.slice(-1), { step, frame, memory }];
    return frame;
  }

  /** The classifier's weights of the present step, where workers were sent them. */
  presentClassifier(): ReadonlyMap<string, Float32Array> | undefined {
    return this.made.classifier.find(({ step }) => step === this.step)?.memory;
  }

  /**
   * Where workers are sent updates: what takes one that stood a step back to the newest step.
   * @param link the worker, where it still has its own results of that step
   */
  update(link: WorkerLink | undefined): { frame: OutgoingFrame; wantsDigest: boolean } {
    if (!this.last) throw new Error("no step yet");
    const { step, update, owners, relays } = this.last;
    const shardsWhere = (isHere: (owner: WorkerLink, shard: number) => boolean) =>
      owners
        .flatMap((owner, shard) => (link && owner && isHere(owner, shard) ? [shard] : []))
        .slice(0, MAX_LISTED_SHARDS);
    const header = {
      type: "update",
      step,
      own: shardsWhere((owner) => owner === link),
      relayed: shardsWhere((owner, shard) => {
        const relay = relays.get(shard);
        return relay?.from === owner && link !== undefined && relay.to.has(link);
      }),
      wantsDigest: wantsDigest(step),
    } satisfies FromCoordinator;
    const here = [...header.own, ...header.relayed];
    const parts = updateParts(this.replica.network, update, here);
    const frame = new OutgoingFrame(encodeFrame(header, parts));
    return { frame, wantsDigest: header.wantsDigest };
  }
}

function wantsDigest(step: number): boolean {
  return step % DIGEST_EVERY === 0;
}

/** The factors of a large enough batch are more than the weights themselves; the weights are sent then, whatever was asked. */
function updatesAreSmaller(config: RunConfig): boolean {
  const largest = largestShard(config);
  let [update, weights] = [0, 0];
  for (const parameter of networkOfRun(config).parameters) {
    const size = sizeOf(parameter.shape);
    const [inputs = 0, outputs = 0] = parameter.shape;
    weights += size;
    update += isFactored(parameter, largest) ? config.batchSize * (inputs + outputs) : size;
  }
  return update < weights;
}
