// Updates of the population statistics, for each kind of statistics.
import { expect, test } from "vitest";
import { aggregatePopulation } from "../../src/coordinator/aggregate.js";
import type { RunConfig } from "../../src/shared/config.js";
import { trainedStatistics } from "../../src/shared/network/network.js";
import type { ShardResult } from "../../src/shared/replica/tensors.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { configOf } from "../support/config.js";

const BEFORE = { mean: 0, variance: 1 };
const BATCH = { mean: 4, variance: 9 };

/** Mean and variance of the first layer's first channel after an update of `BEFORE` with `BATCH`. */
function updated(population: RunConfig["population"], step: number): [number, number] {
  const layout = layoutOfRun(configOf(population === undefined ? {} : { population }));
  const specs = trainedStatistics(layout.network);
  const filled = (channels: number, of: typeof BATCH) => ({
    mean: new Float32Array(channels).fill(of.mean),
    variance: new Float32Array(channels).fill(of.variance),
  });
  const moments = new Map(
    specs.map(({ name, channels }) => [name, { count: 6, ...filled(channels, BATCH) }] as const),
  );
  const result: ShardResult = { loss: 0, gradients: new Map(), moments };
  const before = new Map(
    specs.map(({ name, channels }) => [name, filled(channels, BEFORE)] as const),
  );
  const after = aggregatePopulation(layout, [result], step, before);
  const { mean, variance } = after.get(specs[0]!.name)!;
  return [mean[0]!, variance[0]!];
}

test("the plain moving average moves by one hundredth, also at the first step", () => {
  const [mean, variance] = updated(undefined, 0);
  expect(mean).toBeCloseTo(0.04, 6);
  expect(variance).toBeCloseTo(1.08, 6);
  expect(updated(undefined, 99)).toEqual([mean, variance]);
});

test.each(["ema-corrected", "exact"] as const)(
  "with %s the first batch counts fully, and the hundredth with its weight among the hundred",
  (population) => {
    expect(updated(population, 0)).toEqual([BATCH.mean, BATCH.variance]);
    const share = 0.01 / (1 - 0.99 ** 100);
    const [mean, variance] = updated(population, 99);
    expect(mean).toBeCloseTo(4 * share, 5);
    expect(variance).toBeCloseTo(1 + 8 * share, 5);
  },
);
