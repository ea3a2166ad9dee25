// The frames of the coordinator's state, encoded on demand, once per step and group, however many workers receive them.
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
  /** The memory that holds the frame's values, by tensor. */
  memory: ReadonlyMap<string, Float32Array>;
}

/** A source of state frames: the coordinator's own state, or the state that a relay has received. */
export interface StateSource {
  readonly layout: RunLayout;
  readonly stateBytes: number;
  /** Step of the newest complete state. */
  readonly step: number;
  /** False if the state is not available, so that `frame` cannot be called. */
  readonly isHere: boolean;
  /** The groups of a whole state, in sending order. */
  readonly groups: number[];
  /** A group of the newest complete state, or of the next state if that group is already available. */
  frame(group: number, step: number): OutgoingFrame;
}

export class StateFrames implements StateSource {
  readonly layout: RunLayout;
  readonly kind: ReplicaKind;
  private openReplica: TrainingReplica | undefined;
  private readonly openWaiters = new Waiters();
  /** By group: the states of the current step and of the next. */
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

  whenOpen(onOpen: () => void): () => void {
    if (!this.openReplica) return this.openWaiters.add(onOpen);
    onOpen();
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
   * A group of the state at `step`: the replica's step or, for a bucket that was updated before the others, the next one.
   */
  frame(group: number, step: number): OutgoingFrame {
    const states = this.states.get(group) ?? [];
    const known = states.find((state) => state.step === step);
    if (known) return known.frame;
    // Memory is reused: allocating it anew at each step would cost V8 as much garbage collection.
    const present = states.find((state) => state.step === this.replica.step);
    const free = states.find((state) => state !== present && !state.frame.isInUse);
    const memory = free?.memory ?? this.allocate(group);
    this.replica.read([...memory].map(([name, into]) => ({ name, into })));
    const frame = stateFrame(this.layout, this.kind, group, step, [...memory.values()]);
    const others = states.filter((state) => state !== free);
    this.states.set(group, [...others.slice(-1), { step, frame, memory }]);
    return frame;
  }

  /** The values of a group at the replica's step; undefined if the group was not sent. */
  memory(group: number): ReadonlyMap<string, Float32Array> | undefined {
    return this.states.get(group)?.find(({ step }) => step === this.replica.step)?.memory;
  }

  /** Frees the frames kept for later sends. */
  clear(): void {
    this.states.clear();
  }

  /** Memory by tensor, in sending order; sockets can send from it and the engine's runs can be fed from it. */
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

/** The groups of a whole state in sending order: the group of frozen tensors comes first. */
export function groupsInOrder(layout: RunLayout): number[] {
  const buckets = [...layout.buckets.keys()];
  return hasFrozen(layout) ? [buckets.length, ...buckets] : buckets;
}
