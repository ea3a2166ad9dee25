// Products and convolutions of the wasm engine: any shapes compared with float64, the order of sums, and that it depends neither on
// threads nor on tiles.
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { sizeOf } from "../../src/shared/network/network.js";
import type { Window } from "../../src/shared/network/window-shape.js";
import {
  type Computation,
  CONVOLUTIONS,
  product,
  sliding,
  type Sliding,
  TRANSPOSITIONS,
} from "../support/kernel-computations.js";
import { BACKWARD, type CutParts, cutAt, KernelRunner } from "../support/kernel-runner.js";

let runner: KernelRunner;
beforeAll(() => {
  runner = new KernelRunner();
});

/** Half the distance from 1 to the next float32. */
const UNIT = 2 ** -24;

/**
 * The error of a sum of n products in float32 is at most γ = nu/(1 − nu) times the sum of their absolute values (Higham, Accuracy
 * and Stability of Numerical Algorithms, section 3.1). Products below the smallest normal number may lose all digits.
 */
function expectAccurate(found: Float32Array, computation: Computation, terms: number): void {
  const { inputs, refer } = computation;
  const exact = refer(
    inputs.map(({ shape, values }) => ({ shape, values: Float64Array.from(values) })),
  );
  const sizes = refer(
    inputs.map(({ shape, values }) => ({ shape, values: Float64Array.from(values, Math.abs) })),
  );
  const bound = (terms * UNIT) / (1 - terms * UNIT);
  expect(found.length).toBe(exact.length);
  found.forEach((value, at) => {
    if (!(Math.abs(value - exact[at]!) <= bound * sizes[at]!)) {
      expect.fail(`value ${at} is ${value}, not ${exact[at]!}; terms add up to ${sizes[at]!}`);
    }
  });
}

function compute({ lower, inputs, outputShape }: Computation, cut?: CutParts) {
  return runner.run(lower, inputs, outputShape, cut);
}

/** Checks that results are accurate and have the same bits however the work is cut into parts. */
function expectCorrect(computation: Computation, share: number): void {
  const found = compute(computation);
  expectAccurate(found, computation, computation.terms + 1);
  expectSameBits(compute(computation, BACKWARD), found);
  expectSameBits(compute(computation, cutAt(share)), found);
}

function expectSameBits(found: Float32Array, expected: Float32Array): void {
  const at = found.findIndex((value, index) => !Object.is(value, expected[index]));
  if (at >= 0) expect.fail(`value ${at} is ${found[at]!}, not ${expected[at]!}`);
  expect(found.length).toBe(expected.length);
}

const share = fc.double({ min: 0, max: 1, noNaN: true });
const sides = (max: number) => fc.tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }));

/** Windows that fit into their images. */
const slidings = fc
  .record({
    kind: fc.constantFrom(...CONVOLUTIONS),
    isDepthwise: fc.boolean(),
    images: fc.integer({ min: 1, max: 4 }),
    image: sides(12),
    channels: fc.integer({ min: 1, max: 6 }),
    filters: fc.integer({ min: 1, max: 17 }),
    size: sides(5),
    strides: sides(4),
    padding: fc.constantFrom("same" as const, "valid" as const),
  })
  .filter(({ image, size, padding }) => {
    return padding === "same" || (size[0] <= image[0] && size[1] <= image[1]);
  })
  .map(
    ({ kind, isDepthwise, images, image, channels, filters, size, strides, padding }): Sliding => {
      return {
        kind,
        isDepthwise,
        image: [images, ...image, channels],
        filters: isDepthwise ? Math.ceil(filters / 6) : filters,
        window: { size, strides, padding },
      };
    },
  );

describe("any shape is accurate, and has the same bits however it is cut", () => {
  test("products of up to two tiles and one more", () => {
    const shape = fc.record({
      m: fc.integer({ min: 1, max: 9 }),
      n: fc.integer({ min: 1, max: 17 }),
      k: fc.integer({ min: 1, max: 40 }),
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
    });
    fc.assert(
      fc.property(shape, share, (sizes, at) => expectCorrect(product(sizes), at)),
      { numRuns: 300 },
    );
  });

  test.each(TRANSPOSITIONS)("products around the sizes of parts and blocks: %o", (transposed) => {
    for (const [m, n, k] of [
      [127, 65, 3],
      [129, 63, 2],
      [128, 64, 1],
      [257, 130, 5],
      [15, 16, 255],
      [17, 9, 256],
      [16, 8, 257],
      [5, 7, 513],
      [1, 68, 600],
      [9, 10, 768],
    ] as const) {
      expectCorrect(product({ m, n, k, ...transposed }), 0.4);
    }
  });

  test("convolutions", () => {
    fc.assert(
      fc.property(slidings, share, (shapes, at) => expectCorrect(sliding(shapes), at)),
      { numRuns: 400 },
    );
  });

  const LARGE: readonly [image: Sliding["image"], filters: number, window: Window][] = [
    // More windows than in one part, with a smaller last part; a row longer than a part.
    [[2, 29, 31, 1], 9, { size: [5, 5], strides: [1, 1], padding: "same" }],
    [[1, 40, 33, 2], 3, { size: [3, 2], strides: [2, 1], padding: "valid" }],
    [[1, 2, 300, 1], 2, { size: [1, 3], strides: [1, 1], padding: "same" }],
    // Small images, many in a part.
    [[70, 2, 2, 3], 5, { size: [3, 3], strides: [1, 1], padding: "same" }],
    [[300, 1, 1, 2], 8, { size: [1, 1], strides: [1, 1], padding: "valid" }],
    // More terms than in one block: rows of the window, and parts of a row.
    [[2, 3, 3, 60], 4, { size: [3, 3], strides: [1, 1], padding: "same" }],
    [[1, 2, 3, 300], 5, { size: [1, 2], strides: [1, 1], padding: "same" }],
    [[1, 3, 3, 5], 140, { size: [2, 2], strides: [1, 1], padding: "same" }],
  ];
  describe.each(CONVOLUTIONS)("large %s", (kind) => {
    test.each(LARGE)("[%s] × %i", (image, filters, window) => {
      expectCorrect(sliding({ kind, isDepthwise: false, image, filters, window }), 0.3);
      expectCorrect(sliding({ kind, isDepthwise: true, image, filters: 1, window }), 0.3);
      expectCorrect(sliding({ kind, isDepthwise: true, image, filters: 3, window }), 0.3);
    });
  });
});

describe("the order of a sum", () => {
  /** Adds term after term in blocks of equal length, rounding each product and each sum, and then block after block. */
  function sumInOrder(terms: number, blockTerms: number, term: (index: number) => number): number {
    let total = 0;
    for (let start = 0; start < terms; start += blockTerms) {
      let sum = 0;
      for (let index = start; index < Math.min(terms, start + blockTerms); index++) {
        sum = Math.fround(sum + Math.fround(term(index)));
      }
      total = start === 0 ? sum : Math.fround(total + sum);
    }
    return total;
  }

  test.each(TRANSPOSITIONS)("is the documented one in products: %o", (transposed) => {
    for (const [m, n, k, blockTerms] of [
      [9, 17, 200, 200],
      [3, 12, 257, 129],
      [6, 5, 1000, 250],
    ] as const) {
      const { transposeA, transposeB } = transposed;
      const computation = product({ m, n, k, ...transposed });
      const [a, b] = computation.inputs.map(({ values }) => values);
      const expected = Float32Array.from({ length: m * n }, (_, at) => {
        const [i, j] = [Math.floor(at / n), at % n];
        return sumInOrder(k, blockTerms, (term) => {
          const x = a![transposeA ? term * m + i : i * k + term]!;
          return x * b![transposeB ? j * k + term : term * n + j]!;
        });
      });
      expectSameBits(compute(computation), expected);
    }
  });

  test("is that of the product with the patches in convolutions", () => {
    const image = [2, 6, 7, 5] as const;
    const window: Window = { size: [3, 2], strides: [1, 2], padding: "valid" };
    const filters = 11;
    const terms = 3 * 2 * 5;
    const computation = sliding({ kind: "forward", isDepthwise: false, image, filters, window });
    const [x, kernel] = computation.inputs.map(({ values }) => values);
    const [, rows, columns] = computation.outputShape;
    const expected = Float32Array.from({ length: sizeOf(computation.outputShape) }, (_, at) => {
      const filter = at % filters;
      const column = Math.floor(at / filters) % columns!;
      const row = Math.floor(at / filters / columns!) % rows!;
      const sample = Math.floor(at / filters / columns! / rows!);
      return sumInOrder(terms, terms, (term) => {
        const y = row + Math.floor(term / 10);
        const pixel = (sample * 6 + y) * 7 + column * 2 + Math.floor((term % 10) / 5);
        return x![pixel * 5 + (term % 5)]! * kernel![term * filters + filter]!;
      });
    });
    expectSameBits(compute(computation), expected);
  });

  test("keeps long sums accurate", () => {
    const k = 2 ** 16;
    const computation = product({ m: 2, n: 3, k, transposeA: false, transposeB: false });
    for (const { values } of computation.inputs)
      values.forEach((x, at) => (values[at] = Math.abs(x)));
    expectAccurate(compute(computation), computation, 256 + k / 256 + 1);
  });
});

describe("infinities and NaN stay in the outputs that they are terms of", () => {
  const kindOf = (value: number) => (Number.isNaN(value) ? "NaN" : value);
  function expectSameKinds(computation: Computation): void {
    const exact = computation.refer(
      computation.inputs.map(({ shape, values }) => ({ shape, values: Float64Array.from(values) })),
    );
    const found = compute(computation);
    let special = 0;
    exact.forEach((value, at) => {
      if (Number.isFinite(value)) expect(Number.isFinite(found[at]!)).toBe(true);
      else {
        expect(kindOf(found[at]!)).toBe(kindOf(value));
        special++;
      }
    });
    expect(special).toBeGreaterThan(0);
    expect(special).toBeLessThan(exact.length);
  }

  /** One input at a time. */
  function forEachSpecial(computation: Computation, inputs = computation.inputs): void {
    for (const { values } of inputs) {
      for (const special of [Infinity, -Infinity, NaN]) {
        const places = [0, values.length - 1];
        const kept = places.map((place) => values[place]!);
        places.forEach((place) => (values[place] = special));
        expectSameKinds(computation);
        places.forEach((place, index) => (values[place] = kept[index]!));
      }
    }
  }

  test.each(TRANSPOSITIONS)("products: %o", (transposed) => {
    forEachSpecial(product({ m: 7, n: 13, k: 6, ...transposed }));
    forEachSpecial(product({ m: 21, n: 70, k: 300, ...transposed }));
  });

  const WINDOW = { size: [2, 3], strides: [1, 2] } as const;
  const IMAGE = [2, 6, 7, 3] as const;

  test.each(CONVOLUTIONS)("%s of a convolution", (kind) => {
    const window: Window = { ...WINDOW, padding: "valid" };
    const depthwise = sliding({ kind, isDepthwise: true, image: IMAGE, filters: 2, window });
    forEachSpecial(sliding({ kind, isDepthwise: false, image: IMAGE, filters: 5, window }));
    // Zeros around dY are terms of a depthwise input gradient, so only its dY can be infinite while other values stay finite.
    forEachSpecial(depthwise, kind === "input gradient" ? depthwise.inputs.slice(1) : undefined);
  });

  test.each(["forward", "input gradient"] as const)(
    "padding adds no terms to a convolution: %s",
    (kind) => {
      const window: Window = { ...WINDOW, padding: "same" };
      forEachSpecial(sliding({ kind, isDepthwise: false, image: IMAGE, filters: 5, window }));
    },
  );
});
