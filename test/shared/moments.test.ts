import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  correctedMomentum,
  mergeMoments,
  type Moments,
  nextPopulation,
  type PopulationStatistics,
} from "../../src/shared/statistics/moments.js";

/** Two-pass moments in float64 of one channel. */
function momentsOf(values: readonly number[]): Moments {
  const count = values.length;
  const mean = count === 0 ? 0 : values.reduce((sum, x) => sum + x, 0) / count;
  const variance = count === 0 ? 0 : values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / count;
  return { count, mean: Float64Array.of(mean), variance: Float64Array.of(variance) };
}

const values = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { maxLength: 20 });

describe("merged moments", () => {
  test("are those of the pooled values, however they are parted", () => {
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 8 }), (parts) => {
        const merged = mergeMoments(parts.map(momentsOf));
        const pooled = momentsOf(parts.flat());
        expect(merged.count).toBe(pooled.count);
        expect(merged.mean[0]).toBeCloseTo(pooled.mean[0]!, 8);
        expect(merged.variance[0]).toBeCloseTo(pooled.variance[0]!, 6);
      }),
    );
  });

  test("are not changed by a shard of 0 samples, wherever it stands", () => {
    fc.assert(
      fc.property(fc.array(values, { minLength: 1 }), fc.nat({ max: 8 }), (parts, place) => {
        const all = parts.map(momentsOf);
        const empty: Moments = {
          count: 0,
          mean: Float64Array.of(99),
          variance: Float64Array.of(99),
        };
        const [own, other] = [mergeMoments(all), mergeMoments(all.toSpliced(place, 0, empty))];
        // The tree over the shards is different, so the last bits may differ.
        expect(other.count).toBe(own.count);
        expect(other.mean[0]).toBeCloseTo(own.mean[0]!, 9);
        expect(other.variance[0]).toBeCloseTo(own.variance[0]!, 7);
      }),
    );
  });

  test("keep a variance of 1 beside a mean of 10,000 in float32", () => {
    const shard = (mean: number): Moments => ({
      count: 100,
      mean: Float32Array.of(mean),
      variance: Float32Array.of(1),
    });
    const merged = mergeMoments([shard(1e4 - 0.5), shard(1e4 + 0.5)]);
    expect(merged.mean[0]).toBe(1e4);
    expect(merged.variance[0]).toBe(1.25);
  });

  test("are not the mean of the variances, nor one shard's own", () => {
    const merged = mergeMoments([momentsOf([0, 0, 0]), momentsOf([6])]);
    expect(merged.mean[0]).toBe(1.5);
    expect(merged.variance[0]).toBe(6.75);
  });

  test("refuse parts with different numbers of channels", () => {
    const wide = { count: 1, mean: new Float32Array(2), variance: new Float32Array(2) };
    expect(() => mergeMoments([momentsOf([1]), wide])).toThrow(RangeError);
  });
});

test("the population moves a hundredth of the way to the batch", () => {
  const before = { mean: Float32Array.of(0), variance: Float32Array.of(1) };
  const population = nextPopulation(before, momentsOf([1, 3]), 0.99);
  expect(before.mean[0]).toBe(0);
  expect(population.mean[0]).toBeCloseTo(0.02, 7);
  expect(population.variance[0]).toBeCloseTo(1, 7);
});

describe("the moving average without a bias", () => {
  const start = { mean: Float32Array.of(5), variance: Float32Array.of(1) };
  const momentum = fc.double({ min: 0, max: 0.999, noNaN: true });

  test("is after the first batch that batch's own statistics, to the bit", () => {
    fc.assert(
      fc.property(
        momentum,
        fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 1 }),
        (m, x) => {
          const batch = momentsOf(x);
          const { mean, variance } = nextPopulation(start, batch, correctedMomentum(m, 1));
          expect(mean).toEqual(Float32Array.from(batch.mean));
          expect(variance).toEqual(Float32Array.from(batch.variance));
        },
      ),
    );
  });

  test("is the average that starts at 0, divided by 1 − mᵗ", () => {
    fc.assert(
      fc.property(
        momentum,
        fc.array(
          fc.tuple(
            fc.float({ min: -100, max: 100, noNaN: true }),
            fc.float({ min: 0, max: 100, noNaN: true }),
          ),
          { minLength: 1, maxLength: 300 },
        ),
        (m, batches) => {
          let population: PopulationStatistics = start;
          const plain = { mean: 0, variance: 0 };
          let remaining = 1;
          batches.forEach(([mean, variance], index) => {
            const batch = {
              count: 7,
              mean: Float64Array.of(mean),
              variance: Float64Array.of(variance),
            };
            population = nextPopulation(population, batch, correctedMomentum(m, index + 1));
            plain.mean = m * plain.mean + (1 - m) * mean;
            plain.variance = m * plain.variance + (1 - m) * variance;
            remaining *= m;
          });
          // Float32 rounds once per update, here to about 1e-5 of 100.
          expect(population.mean[0]).toBeCloseTo(plain.mean / (1 - remaining), 3);
          expect(population.variance[0]).toBeCloseTo(plain.variance / (1 - remaining), 3);
        },
      ),
    );
  });

  test("of momentum 1 never moves, as without the correction", () => {
    expect(correctedMomentum(1, 1)).toBe(1);
    expect(correctedMomentum(1, 1e9)).toBe(1);
  });

  test("moves in the end as the plain one does", () => {
    expect(correctedMomentum(0.99, 1e6)).toBeCloseTo(0.99, 12);
  });
});
