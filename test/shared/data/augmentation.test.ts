import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type AugmentationSpec,
  augmentationText,
  augmentSamples,
  parseAugmentation,
} from "../../../src/shared/data/augmentation.js";
import { type Samples, sliceSamples } from "../../../src/shared/data/samples.js";
import { Random } from "../../../src/shared/random.js";

const SEED = 7;

function images(
  count: number,
  [height, width, channels]: readonly [number, number, number],
  value: (x: number, y: number, channel: number, sample: number) => number,
): Samples {
  const inputs = new Float32Array(count * height * width * channels);
  let at = 0;
  for (let sample = 0; sample < count; sample++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let channel = 0; channel < channels; channel++) {
          inputs[at++] = value(x, y, channel, sample);
        }
      }
    }
  }
  return { count, inputs, targets: Int32Array.from({ length: count }, (_, index) => index) };
}

function noise(count: number, shape: readonly [number, number, number]): Samples {
  const random = new Random(3, "pixels");
  const { inputs, ...rest } = images(count, shape, () => random.below(256));
  return { ...rest, inputs: Uint8Array.from(inputs) };
}

/**
 * Where the middle pixels of an augmented image come from, found with two images whose values are a pixel's x and y: the map and
 * the interpolation between pixels are linear.
 */
function recoverMaps(spec: AugmentationSpec, count: number, side: number) {
  const shape = [side, side, 1] as const;
  const place = { seed: SEED, place: 0 };
  const sources = (["x", "y"] as const).map((axis) => {
    const samples = images(count, shape, (x, y) => (axis === "x" ? x : y));
    return augmentSamples(samples, shape, spec, place).inputs;
  }) as [Float32Array, Float32Array];
  const middle = (side - 1) / 2;
  return Array.from({ length: count }, (_, sample) => {
    const at = (x: number, y: number) =>
      sources.map((values) => values[(sample * side + y) * side + x]!) as [number, number];
    const [here, right, below] = [
      at(middle, middle),
      at(middle + 1, middle),
      at(middle, middle + 1),
    ];
    const alongX = [right[0] - here[0], right[1] - here[1]] as const;
    const alongY = [below[0] - here[0], below[1] - here[1]] as const;
    return { here, alongX, alongY, middle };
  });
}

describe("geometry", () => {
  it("shifts by whole pixels, as often in each direction", () => {
    const shape = [5, 6, 2] as const;
    const samples = images(
      2000,
      shape,
      (x, y, channel, sample) => sample + 100 * x + 10 * y + channel / 2,
    );
    const { inputs, targets } = augmentSamples(
      samples,
      shape,
      { shift: 2 },
      { seed: SEED, place: 0 },
    );
    expect(targets).toEqual(samples.targets);
    const seen = new Map<string, number>();
    for (let sample = 0; sample < samples.count; sample++) {
      const image = inputs.subarray(sample * 60, (sample + 1) * 60);
      const moved = image[(2 * 6 + 3) * 2]! - sample;
      const [dx, dy] = [3 - Math.floor(moved / 100), 2 - Math.floor((moved % 100) / 10)];
      seen.set(`${dx},${dy}`, (seen.get(`${dx},${dy}`) ?? 0) + 1);
      const within = (value: number, high: number) => Math.min(Math.max(value, 0), high);
      const expected = images(
        1,
        shape,
        (x, y, channel) => sample + 100 * within(x - dx, 5) + 10 * within(y - dy, 4) + channel / 2,
      );
      expect(image).toEqual(expected.inputs);
    }
    expect(seen.size).toBe(25);
    for (const times of seen.values()) expect(times).toBeGreaterThan(45);
  });

  it("mirrors half of the images, and leaves the others as they are", () => {
    const shape = [4, 5, 3] as const;
    const samples = noise(1000, shape);
    const { inputs } = augmentSamples(samples, shape, { flip: true }, { seed: SEED, place: 0 });
    let mirrored = 0;
    for (let sample = 0; sample < samples.count; sample++) {
      const before = samples.inputs.subarray(sample * 60, (sample + 1) * 60);
      const after = inputs.subarray(sample * 60, (sample + 1) * 60);
      const mirror = before.map((_, at) => {
        const [channel, x, y] = [at % 3, Math.floor(at / 3) % 5, Math.floor(at / 15)];
        return before[(y * 5 + 4 - x) * 3 + channel]!;
      });
      if (after.every((value, at) => value === mirror[at])) mirrored++;
      else expect(after).toEqual(before);
    }
    expect(mirrored).toBeGreaterThan(430);
    expect(mirrored).toBeLessThan(570);
  });

  it("rotates around the middle by angles of the range, and changes no length", () => {
    const angles = recoverMaps({ rotate: 30 }, 500, 65).map(({ here, alongX, alongY, middle }) => {
      expect(here[0]).toBeCloseTo(middle, 4);
      expect(here[1]).toBeCloseTo(middle, 4);
      expect(Math.hypot(...alongX)).toBeCloseTo(1, 4);
      expect(alongY[0]).toBeCloseTo(-alongX[1], 4);
      expect(alongY[1]).toBeCloseTo(alongX[0], 4);
      return (Math.atan2(alongX[1], alongX[0]) * 180) / Math.PI;
    });
    expect(Math.min(...angles)).toBeGreaterThan(-30.01);
    expect(Math.min(...angles)).toBeLessThan(-28.5);
    expect(Math.max(...angles)).toBeLessThan(30.01);
    expect(Math.max(...angles)).toBeGreaterThan(28.5);
  });

  it("turns all the way round where it is asked to", () => {
    const angles = recoverMaps({ rotate: 180 }, 500, 65).map(({ alongX }) => {
      expect(Math.hypot(...alongX)).toBeCloseTo(1, 4);
      return Math.atan2(alongX[1], alongX[0]);
    });
    expect(Math.min(...angles)).toBeLessThan(-3);
    expect(Math.max(...angles)).toBeGreaterThan(3);
  });

  it("scales both sides alike, by factors of the range", () => {
    const factors = recoverMaps({ scale: 0.25 }, 500, 65).map(({ alongX, alongY }) => {
      expect(alongX[1]).toBeCloseTo(0, 4);
      expect(alongY[1]).toBeCloseTo(alongX[0], 4);
      return 1 / alongX[0];
    });
    expect(Math.min(...factors)).toBeGreaterThan(0.7499);
    expect(Math.min(...factors)).toBeLessThan(0.76);
    expect(Math.max(...factors)).toBeLessThan(1.2501);
    expect(Math.max(...factors)).toBeGreaterThan(1.24);
  });

  it("covers one square, cut off at the edges, around any pixel", () => {
    const shape = [8, 9, 2] as const;
    const samples = images(2000, shape, () => 1);
    const { inputs } = augmentSamples(samples, shape, { cutout: 3 }, { seed: SEED, place: 0 });
    const middles = new Set<string>();
    for (let sample = 0; sample < samples.count; sample++) {
      const covered = (x: number, y: number) => inputs[((sample * 8 + y) * 9 + x) * 2] === 0;
      const xs = [...Array(9).keys()].filter((x) =>
        [...Array(8).keys()].some((y) => covered(x, y)),
      );
      const ys = [...Array(8).keys()].filter((y) =>
        [...Array(9).keys()].some((x) => covered(x, y)),
      );
      const [left, right, top, bottom] = [xs[0]!, xs.at(-1)!, ys[0]!, ys.at(-1)!];
      expect(right - left + 1).toBe(left === 0 && right < 2 ? 2 : right === 8 && left > 6 ? 2 : 3);
      for (let y = 0; y < 8; y++) {
        for (let x = 0; x < 9; x++) {
          const isInside = x >= left && x <= right && y >= top && y <= bottom;
          expect(covered(x, y)).toBe(isInside);
        }
      }
      middles.add(
        `${left === 0 && right === 1 ? 0 : left + 1},${top === 0 && bottom === 1 ? 0 : top + 1}`,
      );
    }
    expect(middles.size).toBe(72);
  });
});

describe("what the result is a function of", () => {
  const shape = [9, 7, 3] as const;
  const spec: AugmentationSpec = { shift: 2, flip: true, rotate: 15, scale: 0.1, cutout: 3 };

  it("any cut of a batch into shards gives the same bytes", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 53 - 20 }),
        fc.integer({ min: 0, max: 2 ** 40 }),
        fc.integer({ min: 1, max: 9 }),
        (seed, place, cut) => {
          const samples = noise(10, shape);
          const whole = augmentSamples(samples, shape, spec, { seed, place });
          const size = (10 - cut) * 189;
          const first = augmentSamples(sliceSamples(samples, 0, cut), shape, spec, { seed, place });
          const rest = sliceSamples(samples, cut, 10);
          const second = augmentSamples(rest, shape, spec, { seed, place: place + cut });
          expect([...first.inputs, ...second.inputs]).toEqual([...whole.inputs]);
          expect(second.inputs).toHaveLength(size);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("another epoch, seed or sample is varied in another way", () => {
    const samples = noise(1, shape);
    const texts = [0, 1, 2 ** 32, 2 ** 33].flatMap((place) =>
      [1, 2, 2 ** 40].map((seed) =>
        augmentSamples(samples, shape, spec, { seed, place }).inputs.join(),
      ),
    );
    expect(new Set(texts).size).toBe(texts.length);
  });

  it("one kind of variation draws the same, whatever others are beside it", () => {
    const samples = noise(50, shape);
    const place = { seed: SEED, place: 0 };
    const shifted = augmentSamples(samples, shape, { shift: 2 }, place);
    const { inputs } = augmentSamples(samples, shape, { shift: 2, cutout: 1 }, place);
    const changed = Array.from(inputs).filter((value, at) => value !== shifted.inputs[at]).length;
    expect(changed).toBeLessThanOrEqual(50 * 3);
  });

  it("the bytes are these, in every JavaScript engine", () => {
    const { inputs } = augmentSamples(noise(20, shape), shape, spec, { seed: SEED, place: 12345 });
    expect(createHash("sha256").update(inputs).digest("hex")).toBe(
      "733741548cbe08a00b5d7105d3339336be688bc7de2c3ff9f06c58e5bd8eb3cd",
    );
  });

  it("does not change its input samples", () => {
    const samples = noise(5, shape);
    const before = samples.inputs.slice();
    augmentSamples(samples, shape, spec, { seed: SEED, place: 0 });
    expect(samples.inputs).toEqual(before);
  });
});

describe("as text", () => {
  it.each([
    ["shift=2", { shift: 2 }],
    ["flip", { flip: true }],
    [
      "shift=2,flip,rotate=10,scale=0.1,cutout=4",
      { shift: 2, flip: true, rotate: 10, scale: 0.1, cutout: 4 },
    ],
  ])("%s", (text, spec) => {
    expect(parseAugmentation(text)).toEqual(spec);
    expect(augmentationText(spec as AugmentationSpec)).toBe(text);
  });

  it.each([
    ...["", "shift", "shift=", "shift=0", "shift=1.5", "shift=-2", "shift=1e3", "flip=1", "flip="],
    ...[
      "rotate=181",
      "scale=1",
      "cutout=2000",
      "shear=3",
      "shift=2,shift=3",
      "shift=2=3",
      "__proto__=1",
    ],
  ])("refuses %j", (text) => {
    expect(parseAugmentation(text)).toBeUndefined();
  });
});
