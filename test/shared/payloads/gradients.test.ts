// Gradients on the wire, bucket by bucket, with and without factors: they are read as they were written, and anything with another
// length or of another bucket is refused.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FrameError } from "../../../src/shared/protocol/frame.js";
import { bucketParts, readBucket } from "../../../src/shared/protocol/payloads/bucket.js";
import {
  factorParts,
  hasFactors,
  readFactors,
} from "../../../src/shared/protocol/payloads/factors.js";
import {
  readShardResult,
  shardResultParts,
} from "../../../src/shared/protocol/payloads/shard-result.js";
import {
  asReceived,
  classesLayout as layout,
  gradientsOf,
  SHARD_SAMPLES,
  shardResultOf,
  wrongParts,
} from "../../support/small-layouts.js";

const bucketNumbers = [...layout.buckets.keys()];
const last = bucketNumbers.length - 1;
const frozen = layout.network.parameters.filter(({ trainable }) => !trainable);

function sample<T>(arbitrary: fc.Arbitrary<T>): T {
  return fc.sample(arbitrary, { numRuns: 1, seed: 1 })[0]!;
}

test("the small run has all forms of gradients", () => {
  const parameters = layout.buckets.flat();
  expect(bucketNumbers).toHaveLength(3);
  expect(layout.factored.size).toBeGreaterThan(0);
  expect(parameters.some(({ name }) => !layout.factored.has(name))).toBe(true);
  expect(bucketNumbers.map((bucket) => hasFactors(layout, bucket))).toEqual([true, true, false]);
  expect(frozen.length).toBeGreaterThan(0);
  expect(parameters.map(({ name }) => name)).not.toContain(frozen[0]!.name);
});

describe.each(bucketNumbers)("bucket %i", (bucket) => {
  const parameters = layout.buckets[bucket]!;

  test("comes back as it was", () => {
    fc.assert(
      fc.property(gradientsOf(layout, parameters), (gradients) => {
        const parts = asReceived(bucketParts(layout, bucket, gradients));
        expect(readBucket(layout, bucket, SHARD_SAMPLES, parts)).toEqual(gradients);
      }),
      { numRuns: 20 },
    );
  });

  const parts = asReceived(bucketParts(layout, bucket, sample(gradientsOf(layout, parameters))));

  test.each(wrongParts(parts))("is refused with %s", (_what, wrong) => {
    expect(() => readBucket(layout, bucket, SHARD_SAMPLES, wrong)).toThrow(FrameError);
  });

  test("is not read as another", () => {
    for (const other of bucketNumbers.filter((each) => each !== bucket)) {
      expect(() => readBucket(layout, other, SHARD_SAMPLES, parts)).toThrow(FrameError);
    }
  });

  test.runIf(hasFactors(layout, bucket))("is refused for a shard of another size", () => {
    expect(() => readBucket(layout, bucket, SHARD_SAMPLES + 1, parts)).toThrow(FrameError);
  });
});

test.each([last + 1, 255, 2 ** 32, Number.MAX_SAFE_INTEGER])(
  "bucket %i, which does not exist, is refused",
  (bucket) => {
    expect(() => readBucket(layout, bucket, SHARD_SAMPLES, [])).toThrow(
      `no gradient bucket ${bucket}, the run has 3`,
    );
    expect(() => readFactors(layout, bucket, SHARD_SAMPLES, [])).toThrow(FrameError);
  },
);

describe("factors", () => {
  const all = layout.buckets.flat();

  test("of a bucket come back without its dense gradients", () => {
    fc.assert(
      fc.property(
        gradientsOf(layout, all),
        fc.constantFrom(...bucketNumbers),
        (gradients, bucket) => {
          const parts = asReceived(factorParts(layout, bucket, gradients));
          const factors = [...gradients].filter(([name, { form }]) => {
            return form === "factors" && layout.buckets[bucket]!.some((each) => each.name === name);
          });
          expect(readFactors(layout, bucket, SHARD_SAMPLES, parts)).toEqual(new Map(factors));
        },
      ),
      { numRuns: 20 },
    );
  });

  test("of wrong lengths and counts are refused", () => {
    const gradients = sample(gradientsOf(layout, all));
    for (const bucket of bucketNumbers.filter((each) => hasFactors(layout, each))) {
      const parts = asReceived(factorParts(layout, bucket, gradients));
      for (const [what, wrong] of wrongParts(parts)) {
        const read = () => readFactors(layout, bucket, SHARD_SAMPLES, wrong);
        expect(read, what).toThrow(FrameError);
      }
    }
  });

  test("a bucket without factors has no parts", () => {
    expect(factorParts(layout, last, sample(gradientsOf(layout, all)))).toEqual([]);
    expect(() => readFactors(layout, last, SHARD_SAMPLES, [new Uint8Array(4)])).toThrow(FrameError);
  });
});

describe("a shard's result", () => {
  const earlierOf = (gradients: ReadonlyMap<string, unknown>) => {
    const names = new Set(
      layout.buckets
        .slice(0, -1)
        .flat()
        .map(({ name }) => name),
    );
    return [...gradients.keys()].filter((name) => names.has(name));
  };

  test("comes back with the gradients of the buckets before", () => {
    fc.assert(
      fc.property(shardResultOf(layout), (result) => {
        const parts = asReceived(shardResultParts(layout, result));
        const earlier = new Map(
          earlierOf(result.gradients).map((name) => [name, result.gradients.get(name)!]),
        );
        const read = readShardResult(layout, SHARD_SAMPLES, result.loss, earlier, parts);
        expect(read).toEqual(result);
      }),
      { numRuns: 20 },
    );
  });

  const parts = asReceived(shardResultParts(layout, sample(shardResultOf(layout))));

  test("has the last bucket's gradients and the moments, of trained layers only", () => {
    const moments = layout.network.statistics.filter(({ trainable }) => trainable);
    expect(moments.length).toBeLessThan(layout.network.statistics.length);
    expect(parts).toHaveLength(layout.buckets[last]!.length + 2 * moments.length);
  });

  test.each(wrongParts(parts))("is refused with %s", (_what, wrong) => {
    expect(() => readShardResult(layout, SHARD_SAMPLES, 0, new Map(), wrong)).toThrow(FrameError);
  });
});
