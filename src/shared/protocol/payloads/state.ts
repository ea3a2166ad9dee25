// A group of a state's tensors (state-layout.ts) as a message: small tensors are parts, large ones are the tail. Pure.
import { crc32 } from "../../digest/crc32.js";
import { sizeOf } from "../../network/network.js";
import {
  isLarge,
  type ReplicaKind,
  stateGroup,
  stateGroupCount,
  type TensorShape,
} from "../../replica/state-layout.js";
import type { NamedTensor } from "../../replica/tensors.js";
import type { RunLayout } from "../../run-layout.js";
import { OutgoingFrame } from "../channel.js";
import { encodeFrame, FrameError } from "../frame.js";
import type { FromCoordinator } from "../messages.js";
import { PartReader } from "./part-reader.js";

/** CRC-32 of the arrays' concatenated bytes. */
export function checksumOf(arrays: readonly ArrayBufferView[]): number {
  return arrays.reduce(
    (crc, { buffer, byteOffset, byteLength }) =>
      crc32(new Uint8Array(buffer, byteOffset, byteLength), crc),
    0,
  );
}

/** A group's tensors in the order in which they are sent. */
export function sentTensors(layout: RunLayout, kind: ReplicaKind, group: number): TensorShape[] {
  const { small, large } = splitBySize(layout, kind, group);
  return [...small, ...large];
}

/**
 * @param step the step of the group's values
 * @param values of `sentTensors`; their memory must not change until they are sent
 */
export function stateFrame(
  layout: RunLayout,
  kind: ReplicaKind,
  group: number,
  step: number,
  values: readonly Float32Array[],
): OutgoingFrame {
  const { small } = splitBySize(layout, kind, group);
  const tail = values.slice(small.length);
  const lengths = tail.map(({ byteLength }) => byteLength);
  // The frame's own checksum covers its first message only.
  const tailChecksum = checksumOf(tail);
  const header = { type: "state", step, group, tailChecksum } satisfies FromCoordinator;
  return new OutgoingFrame(encodeFrame(header, values.slice(0, small.length), lengths), tail);
}

/**
 * The memory that the tail of a `state` is written to as it arrives.
 * @param place returns the memory of a tensor; undefined: new memory is allocated
 * @throws FrameError if the lengths do not fit this run
 */
export function stateTailPlaces(
  layout: RunLayout,
  kind: ReplicaKind,
  group: number,
  lengths: readonly number[],
  place: (name: string) => Float32Array | undefined,
): Uint8Array[] {
  const { large } = splitBySize(layout, kind, group);
  if (lengths.length !== large.length) {
    throw new FrameError(`expected ${large.length} tail parts, got ${lengths.length}`);
  }
  return large.map(({ name, shape }, index) => {
    const count = sizeOf(shape);
    if (lengths[index] !== 4 * count) {
      throw new FrameError(`${name}: ${lengths[index]} bytes, expected ${4 * count}`);
    }
    const { buffer, byteOffset, byteLength } = place(name) ?? new Float32Array(count);
    return new Uint8Array(buffer, byteOffset, byteLength);
  });
}

/** @throws FrameError if the parts do not fit this group */
export function readState(
  layout: RunLayout,
  kind: ReplicaKind,
  { group, tailChecksum }: { group: number; tailChecksum: number },
  parts: readonly Uint8Array[],
): NamedTensor[] {
  const reader = new PartReader(parts);
  const { small, large } = splitBySize(layout, kind, group);
  if (tailChecksum !== checksumOf(parts.slice(small.length))) {
    throw new FrameError("the tail's checksum does not match");
  }
  const tensors = [...small, ...large].map(({ name, shape }) => {
    return { name, shape, values: reader.floats(sizeOf(shape), name) };
  });
  reader.end();
  return tensors;
}

function splitBySize(
  layout: RunLayout,
  kind: ReplicaKind,
  group: number,
): { small: TensorShape[]; large: TensorShape[] } {
  if (group >= stateGroupCount(layout)) throw new FrameError(`the state has no group ${group}`);
  const tensors = stateGroup(layout, kind, group);
  return { small: tensors.filter((tensor) => !isLarge(tensor)), large: tensors.filter(isLarge) };
}
