// The newest state that a relay has received, group by group, as frames that can be forwarded. Each frame is encoded once, however
// many workers receive it, and kept for workers that join later. The values stay in the memory that they were received into, which
// is reused once every socket has accepted them.
import {
  type StateSource,
  groupsInOrder,
  stateBytesOf,
} from "../coordinator/broadcast/state-frames.js";
import { sizeOf } from "../shared/network/network.js";
import { ArrivingFrame, type OutgoingFrame } from "../shared/protocol/channel.js";
import { encodeFrame, FrameError } from "../shared/protocol/frame.js";
import type { FromCoordinator } from "../shared/protocol/messages.js";
import {
  readState,
  sentTensors,
  stateFrame,
  stateTailPlaces,
} from "../shared/protocol/payloads/state.js";
import { hasFrozen, type ReplicaKind } from "../shared/replica/state-layout.js";
import type { RunLayout } from "../shared/run-layout.js";

type StateMessage = FromCoordinator & { type: "state" };

/** Spare memory blocks kept per group. */
const MAX_SPARE = 2;

/** Values by tensor. */
type Memory = Map<string, Float32Array>;

/** A group of the state at one step. */
interface GroupState {
  step: number;
  frame: OutgoingFrame;
  values: readonly Float32Array[];
  memory: Memory;
}

export class ReceivedState implements StateSource {
  readonly layout: RunLayout;
  readonly stateBytes: number;
  readonly groups: number[];
  private readonly kind: ReplicaKind;
  /** By group: the newest complete state, and the next one. */
  private readonly states = new Map<number, GroupState[]>();
  private readonly spare = new Map<
    number,
    { memory: Memory; frame: OutgoingFrame | undefined }[]
  >();
  /** The group that is being received; `frame` if it is forwarded while it arrives. */
  private receiving: { group: number; memory: Memory; frame?: ArrivingFrame } | undefined;
  private incoming: { step: number; nextGroup: number } | undefined;
  private completeStep = -1;
  private isKept = false;

  constructor(layout: RunLayout, kind: ReplicaKind) {
    this.layout = layout;
    this.kind = kind;
    this.stateBytes = stateBytesOf(layout, kind);
    this.groups = groupsInOrder(layout);
  }

  /** −1 until there is a complete state. */
  get step(): number {
    return this.completeStep;
  }

  get isHere(): boolean {
    return this.isKept;
  }

  /** Memory that the tail of a state's group is written to as it arrives. @throws FrameError */
  places(group: number, lengths: readonly number[]): Uint8Array[] {
    const spare = this.spare.get(group) ?? [];
    const free = spare.find(({ frame }) => !frame?.isInUse);
    if (free) spare.splice(spare.indexOf(free), 1);
    const memory: Memory = free?.memory ?? new Map<string, Float32Array>();
    const places = stateTailPlaces(this.layout, this.kind, group, lengths, (name) =>
      memory.get(name),
    );
    this.receiving = { group, memory };
    return places;
  }

  /**
   * As `places`, and creates a frame that forwards the group while it arrives.
   * @param parts the parts before the tail
   * @throws FrameError if this cannot be a group of the next state
   */
  begin(
    message: StateMessage,
    lengths: readonly number[],
    parts: readonly Uint8Array[],
  ): Uint8Array[] {
    const { group, step } = message;
    const places = this.places(group, lengths);
    const tensors = sentTensors(this.layout, this.kind, group);
    const sizes = tensors.map(({ shape }) => 4 * sizeOf(shape));
    const isWhole = sizes.length === parts.length + lengths.length;
    if (!isWhole || parts.some(({ byteLength }, index) => byteLength !== sizes[index])) {
      throw new FrameError(`group ${group} of a state with wrong parts`);
    }
    this.checkOrder(group, step);
    const frame = new ArrivingFrame(encodeFrame(message, parts, lengths), places);
    const { memory } = this.receiving!;
    places.forEach(({ buffer, byteOffset, byteLength }, index) => {
      const { name } = tensors[parts.length + index]!;
      memory.set(name, new Float32Array(buffer, byteOffset, byteLength / 4));
    });
    this.receiving = { group, memory, frame };
    this.keep(group, { step, frame, values: [], memory });
    return places;
  }

  /** More bytes of the tail have arrived. */
  noteTail(byteLength: number): void {
    this.receiving?.frame?.noteArrived(byteLength);
  }

  /** The rest of the group that is being received will not arrive. */
  abort(): void {
    const { receiving } = this;
    this.receiving = undefined;
    if (!receiving?.frame) return;
    const states = this.states.get(receiving.group) ?? [];
    this.states.set(
      receiving.group,
      states.filter(({ frame }) => frame !== receiving.frame),
    );
    this.incoming = undefined;
    receiving.frame.abort();
  }

  /**
   * Takes a received group. The last bucket's group comes last and completes the state.
   * @returns true if the state is complete
   * @throws FrameError if the parts do not match this run's state, or are out of order
   */
  take(message: StateMessage, parts: readonly Uint8Array[]): boolean {
    const { group, step } = message;
    const { receiving } = this;
    const tensors = readState(this.layout, this.kind, message, parts);
    this.receiving = undefined;
    if (!receiving?.frame) {
      const memory: Memory =
        receiving?.group === group ? receiving.memory : new Map<string, Float32Array>();
      for (const { name, values } of tensors) memory.set(name, values);
      this.checkOrder(group, step);
      const values = tensors.map((tensor) => tensor.values);
      const frame = stateFrame(this.layout, this.kind, group, step, values);
      this.keep(group, { step, values, memory, frame });
    }
    if (group !== this.layout.buckets.length - 1) return false;
    this.completeStep = step;
    this.isKept = true;
    this.incoming = undefined;
    for (const [own, states] of this.states) {
      if (own === this.layout.buckets.length) continue;
      for (const state of states.filter((other) => other.step !== step)) this.release(own, state);
    }
    return true;
  }

  frame(group: number, step: number): OutgoingFrame {
    const states = this.states.get(group) ?? [];
    const known = states.find((state) => state.step === step);
    if (known) return known.frame;
    const [frozen] = states;
    // Frozen tensors are the same at every step.
    if (group !== this.layout.buckets.length || !frozen)
      throw new Error(`group ${group} of step ${step} is not available`);
    frozen.frame = stateFrame(this.layout, this.kind, group, step, frozen.values);
    frozen.step = step;
    return frozen.frame;
  }

  /** Frees the frames kept for later sends. The step does not change. */
  clear(): void {
    this.isKept = false;
    this.states.clear();
    this.spare.clear();
    this.incoming = undefined;
  }

  /** The state is now at another step, and is not available. */
  moveTo(step: number): void {
    this.clear();
    this.completeStep = step;
  }

  private checkOrder(group: number, step: number): void {
    const { length: bucketCount } = this.layout.buckets;
    if (group === bucketCount) {
      this.incoming = { step, nextGroup: 0 };
      return;
    }
    // A state that starts again was cut off with an earlier connection, unless only its frozen tensors have arrived.
    if (group === 0 && (this.incoming?.step !== step || this.incoming.nextGroup > 0)) {
      const isFrozenHere = !hasFrozen(this.layout) || this.states.has(bucketCount);
      if (!isFrozenHere) throw new FrameError("the first state lacks the frozen tensors");
      this.incoming = { step, nextGroup: 0 };
    }
    const { incoming } = this;
    if (incoming?.step !== step || incoming.nextGroup !== group) {
      throw new FrameError(`group ${group} of step ${step} out of order`);
    }
    incoming.nextGroup++;
  }

  private keep(group: number, state: GroupState): void {
    const states = this.states.get(group) ?? [];
    this.states.set(group, states);
    // Keeps the newest complete state and the one that is arriving; a state that was cut off is not needed.
    for (const other of [...states]) {
      if (other.step !== this.completeStep || other.step === state.step) this.release(group, other);
    }
    states.push(state);
  }

  private release(group: number, state: GroupState): void {
    const states = this.states.get(group) ?? [];
    const index = states.indexOf(state);
    if (index >= 0) states.splice(index, 1);
    // Frames of several steps may share the memory of the frozen tensors.
    if (group === this.layout.buckets.length) return;
    const spare = this.spare.get(group) ?? [];
    this.spare.set(group, spare);
    const { memory, frame } = state;
    spare.push({ memory, frame });
    if (spare.length > MAX_SPARE) spare.shift();
  }
}
