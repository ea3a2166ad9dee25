import fc from "fast-check";
import { expect, test } from "vitest";
import { Sampler, shardSizes } from "../../src/shared/data/sampler.js";

test("shards add up to the batch, differ by one at most, the larger first", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 500 }), (a, b) => {
      const [batchSize, shards] = [Math.max(a, b), Math.min(a, b)];
      const sizes = shardSizes(batchSize, shards);
      expect(sizes).toHaveLength(shards);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(batchSize);
      expect(sizes).toEqual([...sizes].sort((x, y) => y - x));
      expect(sizes[0]! - sizes.at(-1)!).toBeLessThanOrEqual(1);
    }),
  );
});

test("every epoch holds each sample exactly once, also across batches that reach over its end", () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 60 }),
      (seed, a, b) => {
        const [sampleCount, batchSize] = [Math.max(a, b), Math.min(a, b)];
        const sampler = new Sampler(seed, sampleCount, batchSize);
        const epochs = 3;
        const steps = Math.ceil((epochs * sampleCount) / batchSize);
        const all = Array.from({ length: steps }, (_, step) => [...sampler.batch(step)]).flat();
        for (let epoch = 0; epoch < epochs; epoch++) {
          const own = all.slice(epoch * sampleCount, (epoch + 1) * sampleCount);
          expect(new Set(own).size).toBe(sampleCount);
        }
      },
    ),
  );
});

test("a batch depends only on seed and step, not on the order of requests", () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(fc.nat({ max: 40 }), { minLength: 1 }), (seed, steps) => {
      const reused = new Sampler(seed, 37, 10);
      for (const step of steps) {
        expect([...reused.batch(step)]).toEqual([...new Sampler(seed, 37, 10).batch(step)]);
      }
    }),
  );
});
