// Updates on the wire: the gradients of all shards, without the factors that the receiver already has.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sumGradients } from "../../../src/coordinator/aggregate.js";
import { FrameError } from "../../../src/shared/protocol/frame.js";
import { readUpdate, updateParts } from "../../../src/shared/protocol/payloads/update.js";
import type { Gradients, Update } from "../../../src/shared/replica/tensors.js";
import {
  asReceived,
  classesLayout as layout,
  gradientsOf,
  statisticsOf,
  wrongParts,
} from "../../support/small-layouts.js";

const parameters = layout.buckets.flat();
const names = parameters.map(({ name }) => name);
const shards = [...layout.shardSizes.keys()];

const updates = fc
  .record({
    ofShards: fc.tuple(...shards.map(() => gradientsOf(layout, parameters))),
    population: statisticsOf(layout),
  })
  .map(({ ofShards, population }) => {
    const update: Update = { gradients: sumGradients(names, ofShards), population };
    return { ofShards, update };
  });

function factorsOf(ofShards: readonly Gradients[], known: readonly number[]) {
  return new Map(known.map((shard) => [shard, ofShards[shard]!]));
}

describe("an update", () => {
  test("comes back as it was, whichever shards' factors its receiver has", () => {
    const known = fc.subarray(shards);
    fc.assert(
      fc.property(updates, known, ({ ofShards, update }, without) => {
        const parts = asReceived(updateParts(layout, update, without));
        expect(readUpdate(layout, factorsOf(ofShards, without), parts)).toEqual(update);
      }),
      { numRuns: 30 },
    );
  });

  test("has as many parts whatever is left out, and is smaller by what is", () => {
    const [first] = fc.sample(updates, { numRuns: 1, seed: 1 });
    const { update } = first!;
    const byteLength = (without: number[]) => {
      return updateParts(layout, update, without).reduce((sum, part) => sum + part.byteLength, 0);
    };
    const counts = [[], [0], shards].map((without) => updateParts(layout, update, without).length);
    expect(new Set(counts).size).toBe(1);
    expect(byteLength([])).toBeGreaterThan(byteLength([0]));
    expect(byteLength([0])).toBeGreaterThan(byteLength(shards));
  });

  test("is refused with other parts, and where the receiver has not what was left out", () => {
    const [first] = fc.sample(updates, { numRuns: 1, seed: 1 });
    const { ofShards, update } = first!;
    const parts = asReceived(updateParts(layout, update, [1]));
    const known = factorsOf(ofShards, [1]);
    expect(() => readUpdate(layout, known, parts)).not.toThrow();
    for (const [what, wrong] of wrongParts(parts)) {
      expect(() => readUpdate(layout, known, wrong), what).toThrow(FrameError);
    }
    expect(() => readUpdate(layout, new Map(), parts)).toThrow(FrameError);
    expect(() => readUpdate(layout, factorsOf(ofShards, [0, 1]), parts)).toThrow(FrameError);
    // Only some of the factors of that shard.
    const [bucket] = layout.buckets;
    const some = new Map(bucket!.map(({ name }) => [name, ofShards[1]!.get(name)!]));
    expect(() => readUpdate(layout, new Map([[1, some]]), parts)).toThrow(FrameError);
  });
});
