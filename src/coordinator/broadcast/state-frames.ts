// The frames of the coordinator's state, made once per step and group however many workers are sent them, and only if one
// is.
import { sizeOf } from "../../shared/network/network.js";
import type { OutgoingFrame } from "../../shared/protocol/channel.js";
import { sentTensors, stateFrame } from "../../shared/protocol/payloads/state.js";
import { hasFrozen, type ReplicaKind, stateLayout } from "../../shared/replica/state-layout.js";
import type { TrainingReplica } from "../../shared/replica/training-replica.js";
import type { RunLayout } from "../../shared/run-layout.js";
import { Waiters } from "./waiters.js";

/** A group of the state at one step. */
interface GroupState {
  step: number;
  frame: OutgoingFrame;
  /** Where the frame's values are, by tensor. */
  memory: ReadonlyMap<string, Float32Array>;
}

/** Where the frames of a state come from: made here, or received. */
export interface StateSource {
  readonly layout: RunLayout;
  readonly stateBytes: number;
  /** Of the newest complete state. */
  readonly step: number;
  /** False where it is not kept, and frames of it cannot be had. */
  readonly isHere: boolean;
  /** The groups of a whole state in the order in which they are sent. */
  readonly groups: number[];
  /** A group of the newest complete state, or one of the next that is there already. */
  frame(group: number, step: number): OutgoingFrame;
}

export class StateFrames implements StateSource {
  readonly layout: RunLayout;
  readonly kind: ReplicaKind;
  private openReplica: TrainingReplica | undefined;
  private readonly openWaiters = new Waiters();
  /** By group: those of the present step and of the next. */
  private readonly states = new Map<number, GroupState[]>();

  constructor(layout: RunLayout, kind: ReplicaKind) {
    this.layout = layout;
    this.kind = kind;
  }

  get stateBytes(): number {
    return stateBytesOf(this.layout, this.kind);
  }

  get step(): number {
    return this.replica.step;
  }

  get isHere(): boolean {
    return this.openReplica !== undefined;
  }

  open(replica: TrainingReplica): void {
    this.openReplica = replica;
    this.openWaiters.callAll();
  }

  whenOpen(letIn: () => void): () => void {
    if (!this.openReplica) return this.openWaiters.add(letIn);
    letIn();
    return () => undefined;
  }

  get replica(): TrainingReplica {
    if (!this.openReplica) throw new Error("no state yet");
    return this.openReplica;
  }

  get groups(): number[] {
    return groupsInOrder(this.layout);
  }

  /**
   * A group of the state at `step`: that of the replica, or, for a bucket that has taken its step before the others, the
   * next one.
   */
  frame(group: number, step: number): OutgoingFrame {
    const states = this.states.get(group) ?? [];
    const known = states.find((state) => state.step === step);
    if (known) return known.frame;
    // As much new memory at each step would be as much for V8 to collect.
    const present = states.find((state) => state.step === this.replica.step);
    const free = states.find((state) => state !== present && !state.frame.isInUse);
    const memory = free?.memory ?? this.allocate(group);
    this.replica.read([...memory].map(([name, into]) => ({ name, into })));
    const frame = stateFrame(this.layout, this.kind, group, step, [...memory.values()]);
    const others = states.filter((state) => state !== free);
    this.states.set(group, [...others.slice(-1), { step, frame, memory }]);
    return frame;
  }

  /** The values of a group at the replica's step, where it was sent. */
  memory(group: number): ReadonlyMap<string, Float32Array> | undefined {
    return this.states.get(group)?.find(({ step }) => step === this.replica.step)?.memory;
  }

  /** Frees what was kept to be sent again. */
  clear(): void {
    this.states.clear();
  }

  /** By tensor, in the order in which they are sent; it can be sent from, and fed to runs. */
  private allocate(group: number): Map<string, Float32Array> {
    const tensors = sentTensors(this.layout, this.kind, group);
    const arrays = this.replica.session.allocate(tensors.map(({ shape }) => sizeOf(shape)));
    return new Map(tensors.map(({ name }, index) => [name, arrays[index]!]));
  }
}

/** Bytes of a whole state. */
export function stateBytesOf(layout: RunLayout, kind: ReplicaKind): number {
  return stateLayout(layout, kind).reduce((total, { shape }) => total + 4 * sizeOf(shape), 0);
}

/** The groups of a whole state in the order in which they are sent: what is not trained comes first. */
export function groupsInOrder(layout: RunLayout): number[] {
  const buckets = [...layout.buckets.keys()];
  return hasFrozen(layout) ? [buckets.length, ...buckets] : buckets;
}
