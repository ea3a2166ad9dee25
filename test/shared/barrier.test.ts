// Barriers of synchronised batch normalisation: merging gives the same as all samples together.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  barriersOf,
  mergeContributions,
  type Barrier,
} from "../../src/shared/statistics/barrier.js";
import { batchNorm, conv2d, dense, EVERY_LAYER, networkOf } from "../graph/networks.js";

const CHANNELS = 2;
const PIXELS = 3;

const barrier = (direction: Barrier["direction"]): Barrier => {
  return { layer: "bn", direction, channels: CHANNELS, valuesPerSample: PIXELS };
};

/** [pixels of all samples × channels] of each shard. */
const shards = fc.array(
  fc.integer({ min: 1, max: 5 }).chain((samples) => {
    const length = samples * PIXELS * CHANNELS;
    const value = fc.double({ min: -100, max: 100, noNaN: true });
    return fc.array(value, { minLength: length, maxLength: length });
  }),
  { minLength: 1, maxLength: 9 },
);

const channelOf = (values: readonly number[], channel: number) =>
  values.filter((_, at) => at % CHANNELS === channel);
const sum = (values: readonly number[]) => values.reduce((total, x) => total + x, 0);
const mean = (values: readonly number[]) => sum(values) / values.length;

function momentsOf(values: readonly number[]): Float32Array {
  const channels = [...Array(CHANNELS).keys()].map((channel) => channelOf(values, channel));
  const variances = channels.map((own) => mean(own.map((x) => (x - mean(own)) ** 2)));
  return Float32Array.from([...channels.map(mean), ...variances]);
}

function expectNear(found: Float32Array, expected: Float32Array, size: number): void {
  expect(found.length).toBe(expected.length);
  found.forEach((value, at) => {
    expect(Math.abs(value - expected[at]!)).toBeLessThanOrEqual(1e-5 * size);
  });
}

describe("merged contributions", () => {
  test("are the moments of the pooled samples", () => {
    fc.assert(
      fc.property(shards, (parts) => {
        const contributions = parts.map((values) => ({
          samples: values.length / PIXELS / CHANNELS,
          values: momentsOf(values),
        }));
        const merged = mergeContributions(barrier("forward"), contributions);
        expectNear(merged, momentsOf(parts.flat()), 100 ** 2);
      }),
    );
  });

  test("are the means over the pooled samples in the backward pass", () => {
    fc.assert(
      fc.property(shards, (parts) => {
        // Sums of dY in the first channels; in the last ones those of dY·x̂, for which any number will do.
        const sumsOf = (values: readonly number[]) => {
          const sums = [...Array(CHANNELS).keys()].map((channel) =>
            sum(channelOf(values, channel)),
          );
          return Float32Array.from([...sums, ...sums.map((each) => -2 * each)]);
        };
        const contributions = parts.map((values) => {
          return { samples: values.length / PIXELS / CHANNELS, values: sumsOf(values) };
        });
        const merged = mergeContributions(barrier("backward"), contributions);
        const count = parts.flat().length / CHANNELS;
        const pooled = sumsOf(parts.flat()).map((each) => each / count);
        expectNear(merged, pooled, 200);
      }),
    );
  });

  test("of one shard are what it contributed, or that divided by the number of its values", () => {
    fc.assert(
      fc.property(shards, ([values]) => {
        const own = { samples: values!.length / PIXELS / CHANNELS, values: momentsOf(values!) };
        expect(mergeContributions(barrier("forward"), [own])).toEqual(own.values);
        const count = own.samples * PIXELS;
        const divided = own.values.map((each) => each / count);
        expect(mergeContributions(barrier("backward"), [own])).toEqual(divided);
      }),
    );
  });

  test("are refused where one is of another length", () => {
    const right = { samples: 1, values: new Float32Array(2 * CHANNELS) };
    const wrong = { samples: 1, values: new Float32Array(2 * CHANNELS + 1) };
    for (const direction of ["forward", "backward"] as const) {
      expect(() => mergeContributions(barrier(direction), [right, wrong])).toThrow(RangeError);
    }
  });
});

describe("the barriers of a network", () => {
  const textOf = (barriers: readonly Barrier[]) =>
    barriers.map(({ direction, layer }) => `${direction} ${layer}`);

  test("go forward and back again, past frozen layers, and not back to where no gradient is needed", () => {
    const network = networkOf(
      [4, 4, 2],
      [
        ["first", batchNorm()],
        ["conv", conv2d(3)],
        ["second", batchNorm({ scale: false, center: false })],
        ["frozen", batchNorm()],
        ["flat", { kind: "flatten" }],
        ["fc", dense(5)],
        ["third", batchNorm()],
      ],
      ["frozen"],
    );
    const barriers = barriersOf(network);
    expect(textOf(barriers)).toEqual([
      ...["forward first", "forward second", "forward third"],
      ...["backward third", "backward second"],
    ]);
    expect(barriers.map(({ channels, valuesPerSample }) => [channels, valuesPerSample])).toEqual([
      [2, 16],
      [3, 16],
      [5, 1],
      [5, 1],
      [3, 16],
    ]);
  });

  test("are forward only behind layers that are all frozen", () => {
    const layers = [
      ["conv", conv2d(3)],
      ["bn", batchNorm({ scale: false, center: false })],
      ["flat", { kind: "flatten" }],
      ["fc", dense(2)],
    ] as const;
    expect(textOf(barriersOf(networkOf([4, 4, 1], layers, ["conv"])))).toEqual(["forward bn"]);
  });

  test("are none without batch-norm layers", () => {
    expect(barriersOf(networkOf([4], [["fc", dense(2)]]))).toEqual([]);
    expect(textOf(barriersOf(networkOf([6, 6, 2], EVERY_LAYER)))).toEqual([
      "forward bn",
      "backward bn",
    ]);
  });
});
