// States on the wire, group by group: small tensors in the message itself, large ones in its tail.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sizeOf } from "../../../src/shared/network/network.js";
import { FrameReader } from "../../../src/shared/protocol/channel.js";
import { FrameError } from "../../../src/shared/protocol/frame.js";
import { parseFromCoordinator } from "../../../src/shared/protocol/messages.js";
import {
  checksumOf,
  readState,
  sentTensors,
  stateFrame,
  stateTailPlaces,
} from "../../../src/shared/protocol/payloads/state.js";
import {
  isLarge,
  type ReplicaKind,
  stateGroupCount,
  stateLayout,
} from "../../../src/shared/replica/state-layout.js";
import { layoutOfRun, type RunLayout } from "../../../src/shared/run-layout.js";
import { configOf } from "../../support/config.js";
import { asReceived, classesLayout, floats, wrongParts } from "../../support/small-layouts.js";

const KINDS = ["weights-only", "with-slots"] as const satisfies ReplicaKind[];
const groups = (layout: RunLayout) => [...Array(stateGroupCount(layout)).keys()];
const valuesOf = (layout: RunLayout, kind: ReplicaKind, group: number) =>
  fc.tuple(...sentTensors(layout, kind, group).map(({ shape }) => floats(sizeOf(shape))));

/** Its message as read by a worker, with chunks for the tail. */
function transfer(layout: RunLayout, kind: ReplicaKind, messages: readonly Uint8Array[]) {
  const reader = new FrameReader((header, lengths) => {
    const message = parseFromCoordinator({ header });
    if (message.type !== "state") throw new RangeError("not a state");
    return stateTailPlaces(layout, kind, message.group, lengths, () => undefined);
  });
  for (const message of messages) {
    const frame = reader.read(message);
    if (!frame) continue;
    const header = parseFromCoordinator(frame);
    if (header.type !== "state") throw new RangeError("not a state");
    return readState(layout, kind, header, frame.parts);
  }
  throw new RangeError("not complete");
}

describe.each(KINDS)("a state %s", (kind) => {
  const layout = classesLayout;

  test("comes back group by group, and the groups hold each tensor once", () => {
    const all = groups(layout).flatMap((group) => {
      const tensors = sentTensors(layout, kind, group);
      fc.assert(
        fc.property(valuesOf(layout, kind, group), (values) => {
          const { messages } = stateFrame(layout, kind, group, 7, values);
          const read = transfer(layout, kind, messages);
          expect(read).toEqual(tensors.map((each, index) => ({ ...each, values: values[index] })));
        }),
        { numRuns: 5 },
      );
      return tensors.map(({ name }) => name);
    });
    const expected = stateLayout(layout, kind).map(({ name }) => name);
    expect(all.toSorted()).toEqual(expected.toSorted());
  });

  test("has a group of its own for variables that are not trained, without slots", () => {
    const names = sentTensors(layout, kind, layout.buckets.length).map(({ name }) => name);
    expect(names.length).toBeGreaterThan(0);
    expect(names.every((name) => name.startsWith("frozen/"))).toBe(true);
    expect(names).toContain("frozen/bn/pop_mean");
  });

  test("is refused with other parts", () => {
    for (const group of groups(layout)) {
      const [values] = fc.sample(valuesOf(layout, kind, group), { numRuns: 1, seed: 1 });
      const header = { group, tailChecksum: 0 };
      for (const [what, wrong] of wrongParts(asReceived(values!))) {
        expect(() => readState(layout, kind, header, wrong), what).toThrow(FrameError);
      }
    }
  });

  test.each([4, 2 ** 32, Number.MAX_SAFE_INTEGER])("has no group %i", (group) => {
    expect(() => readState(layout, kind, { group, tailChecksum: 0 }, [])).toThrow(FrameError);
    expect(() => stateTailPlaces(layout, kind, group, [], () => undefined)).toThrow(FrameError);
  });
});

describe("a state with a tail", () => {
  const kind = "weights-only";
  const layout = layoutOfRun(configOf({ inputShape: [16, 16, 1] }));
  const group = 0;
  const tensors = sentTensors(layout, kind, group);
  const values = tensors.map(({ shape }, index) => {
    return new Float32Array(sizeOf(shape)).fill(index + 0.5);
  });
  const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
    new Uint8Array(buffer, byteOffset, byteLength);
  const large = tensors.filter(isLarge);
  const { messages } = stateFrame(layout, kind, group, 7, values);

  test("comes back", () => {
    expect(large.length).toBeGreaterThan(0);
    expect(messages.length).toBeGreaterThan(large.length);
    const read = transfer(layout, kind, messages);
    expect(read.map(({ name }) => name)).toEqual(tensors.map(({ name }) => name));
    expect(
      read.every((each, index) =>
        Buffer.from(bytesOf(each.values)).equals(bytesOf(values[index]!)),
      ),
    ).toBe(true);
  });

  test("is refused where a bit of its tail was flipped on the way", () => {
    const flipped = Uint8Array.from(messages.at(-1)!);
    flipped[9]! ^= 1;
    expect(() => transfer(layout, kind, messages.with(-1, flipped))).toThrow("checksum");
    expect(checksumOf([flipped])).not.toBe(checksumOf([messages.at(-1)!]));
  });

  test("is refused where the tail has other lengths or another number of parts", () => {
    const places = (lengths: number[]) => () => {
      return stateTailPlaces(layout, kind, group, lengths, () => undefined);
    };
    const lengths = large.map(({ shape }) => 4 * sizeOf(shape));
    expect(places(lengths)).not.toThrow();
    expect(places([])).toThrow(`expected ${lengths.length} tail parts, got 0`);
    expect(places([...lengths, 4])).toThrow(FrameError);
    expect(places(lengths.map((length) => length + 4))).toThrow(FrameError);
  });
});
