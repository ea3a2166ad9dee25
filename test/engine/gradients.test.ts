// Compares the gradients of the reference with central finite differences of its forward ops, in float64.
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/shared/graph/builder.js";
import type { LossKind, Value } from "../../src/shared/graph/graph.js";
import type { ActivationKind, Padding } from "../../src/shared/network/spec.js";
import { evaluate } from "../support/reference/evaluate.js";
import { randomValues, uniformValues } from "../support/reference/random-values.js";
import { type ReferenceTensor, tensorOf, zeros } from "../support/reference/tensor.js";

const STEP = 1e-5;
const TOLERANCE = 1e-8;

interface Differentiable {
  y: Value;
  /** The gradient with respect to each input, from that with respect to y; undefined if there is none to check. */
  gradients: (dy: Value) => (Value | undefined)[];
}

type Build = (builder: GraphBuilder, ...inputs: Value[]) => Differentiable;

/** @param tensors the inputs at which the gradients are checked */
function expectGradients(build: Build, tensors: readonly ReferenceTensor[]): void {
  const builder = new GraphBuilder();
  const inputs = tensors.map(({ shape }, index) => builder.placeholder(`x${index}`, shape));
  const { y, gradients } = build(builder, ...inputs);
  const dy = builder.placeholder("dy", y.shape);
  const weights = tensorOf(y.shape, randomValues(y.shape, "dy"));
  const feedsOf = (values: readonly ReferenceTensor[]) =>
    new Map([...inputs.map((input, index) => [input, values[index]!] as const), [dy, weights]]);
  /** Σ dY·y */
  const scalar = (values: readonly ReferenceTensor[]) => {
    const [output] = evaluate(feedsOf(values), [y], new Map());
    return output!.values.reduce((sum, value, at) => sum + value * weights.values[at]!, 0);
  };
  gradients(dy).forEach((gradient, index) => {
    if (!gradient) return;
    const [found] = evaluate(feedsOf(tensors), [gradient], new Map());
    const tensor = tensors[index]!;
    const expected = tensor.values.map((value, at) => {
      const moved = (by: number) => {
        const values = tensor.values.with(at, value + by);
        return scalar(tensors.with(index, { shape: tensor.shape, values }));
      };
      return (moved(STEP) - moved(-STEP)) / (2 * STEP);
    });
    expect(found!.shape).toEqual(tensor.shape);
    const scale = Math.max(1, ...expected.map(Math.abs));
    found!.values.forEach((value, at) => {
      expect(Math.abs(value - expected[at]!), `input ${index}, value ${at}`).toBeLessThan(
        TOLERANCE * scale,
      );
    });
  });
}

function random(shape: readonly number[], stream = "x"): ReferenceTensor {
  return tensorOf(shape, randomValues(shape, stream));
}

const WINDOWS = [
  { size: [3, 3], strides: [1, 1], padding: "same" },
  { size: [2, 4], strides: [2, 1], padding: "same" },
  { size: [3, 2], strides: [2, 2], padding: "valid" },
  { size: [1, 2], strides: [3, 2], padding: "same" },
] as const satisfies {
  size: readonly [number, number];
  strides: readonly [number, number];
  padding: Padding;
}[];

describe.each(WINDOWS)("window %j", (window) => {
  const { size } = window;

  test("conv2d", () => {
    expectGradients(
      (b, x, kernel) => ({
        y: b.conv2d.forward(x, kernel, window),
        gradients: (dy) => [
          b.conv2d.inputGradient(kernel, dy, [5, 4, 2], window),
          b.conv2d.kernelGradient(x, dy, window),
        ],
      }),
      [random([2, 5, 4, 2]), random([...size, 2, 3], "kernel")],
    );
  });

  test("depthwise-conv2d", () => {
    expectGradients(
      (b, x, kernel) => ({
        y: b.depthwiseConv2d.forward(x, kernel, window),
        gradients: (dy) => [
          b.depthwiseConv2d.inputGradient(kernel, dy, [5, 4, 3], window),
          b.depthwiseConv2d.kernelGradient(x, dy, window),
        ],
      }),
      [random([2, 5, 4, 3]), random([...size, 3, 2], "kernel")],
    );
  });

  test("max-pool", () => {
    expectGradients(
      (b, x) => {
        const pooled = b.maxPool(x, window);
        return { y: pooled.y, gradients: (dy) => [b.maxPoolGradient(x, pooled, dy, window)] };
      },
      [random([2, 5, 4, 3])],
    );
  });

  test("average-pool", () => {
    expectGradients(
      (b, x) => ({
        y: b.averagePool(x, window),
        gradients: (dy) => [b.averagePoolGradient(dy, [5, 4, 3], window)],
      }),
      [random([2, 5, 4, 3])],
    );
  });
});

test("mat-mul and bias-add", () => {
  expectGradients(
    (b, x, kernel, bias) => ({
      y: b.biasAdd(b.matMul(x, kernel), bias),
      gradients: (dy) => [
        b.matMul(dy, kernel, { transposeB: true }),
        b.matMul(x, dy, { transposeA: true }),
        b.biasGradient(dy),
      ],
    }),
    [random([3, 4]), random([4, 5], "kernel"), random([5], "bias")],
  );
});

test.each<[ActivationKind, number]>([
  ["relu", 0],
  ["relu6", 0],
  ["leaky-relu", 0.2],
  ["elu", 1],
  ["elu", 0.7],
  ["gelu", 0],
  ["gelu-tanh", 0],
  ["silu", 0],
  ["sigmoid", 0],
  ["tanh", 0],
])("activation %s, alpha %f", (kind, alpha) => {
  // No value is as close to a kink, at 0 or 6, as the step of the differences.
  const values = uniformValues([4, 25], "x", [-8, 8]);
  expect(Math.min(...values.map((x) => Math.min(Math.abs(x), Math.abs(x - 6))))).toBeGreaterThan(
    1e-3,
  );
  expectGradients(
    (b, x) => {
      const y = b.activation(x, kind, alpha);
      return { y, gradients: (dy) => [b.activationGradient(dy, x, y, kind, alpha)] };
    },
    [tensorOf([4, 25], values)],
  );
});

const EPSILON = 1e-3;

test.each([[[3, 2, 4, 3]], [[7, 3]]])("batch normalisation of %j", (shape) => {
  const channels = shape.at(-1)!;
  expectGradients(
    (b, x, scale, beta) => {
      const moments = b.moments(x);
      return {
        y: b.normalise(x, moments, scale, beta, EPSILON),
        gradients: (dy) => {
          const { dx, dScale, dBeta } = b.batchNormGradient(dy, x, moments, scale, EPSILON);
          return [dx, dScale, dBeta];
        },
      };
    },
    [random(shape), random([channels], "scale"), random([channels], "beta")],
  );
});

test("sums over parts of a batch, and the input gradients from them, are those of the whole batch", () => {
  const shape = [6, 2, 2, 3];
  const builder = new GraphBuilder();
  const input = (name: string, sides: readonly number[]) => builder.placeholder(name, sides);
  const [x, dy] = [input("x", [-1, 2, 2, 3]), input("dy", [-1, 2, 2, 3])];
  const [mean, variance, scale, meanDy, meanDyNormalised] = [
    ...["mean", "variance", "scale", "mean_dy", "mean_dy_normalised"].map((name) =>
      input(name, [3]),
    ),
  ] as [Value, Value, Value, Value, Value];
  const given = { mean, variance };
  const moments = builder.moments(x);
  const ofBatch = builder.batchNormGradient(dy, x, given, scale, EPSILON);
  const sums = builder.batchNormSums(dy, x, given, EPSILON);
  const dx = builder.batchNormInputGradient(
    dy,
    x,
    given,
    scale,
    { meanDy, meanDyNormalised },
    EPSILON,
  );

  const [xs, dys, scales] = [random(shape), random(shape, "dy"), random([3], "scale")];
  const [means, variances] = evaluate(
    new Map([[x, xs]]),
    [moments.mean, moments.variance],
    new Map(),
  );
  const vectors = [
    [mean, means!],
    [variance, variances!],
    [scale, scales],
  ] as const;
  const [expected, dScale, dBeta] = evaluate(
    new Map([[x, xs], [dy, dys], ...vectors]),
    [ofBatch.dx, ofBatch.dScale, ofBatch.dBeta],
    new Map(),
  );

  const parts = [
    [0, 2],
    [2, 6],
  ].map(([from, to]) => {
    const part = ({ values }: ReferenceTensor) =>
      tensorOf([to! - from!, 2, 2, 3], values.subarray(12 * from!, 12 * to!));
    return new Map([[x, part(xs)], [dy, part(dys)], ...vectors]);
  });
  const [sumDy, sumDyNormalised] = [zeros([3]), zeros([3])];
  for (const feeds of parts) {
    const fetched = evaluate(feeds, [sums.sumDy, sums.sumDyNormalised], new Map());
    [sumDy, sumDyNormalised].forEach(({ values }, index) => {
      values.forEach((value, c) => (values[c] = value + fetched[index]!.values[c]!));
    });
  }
  const close = (found: Float64Array | number[], wanted: Float64Array) => {
    expect(found.length).toBe(wanted.length);
    found.forEach((value, at) => expect(value).toBeCloseTo(wanted[at]!, 12));
  };
  close(sumDy.values, dBeta!.values);
  close(sumDyNormalised.values, dScale!.values);
  const ofMeans = [
    [
      meanDy,
      tensorOf(
        [3],
        sumDy.values.map((sum) => sum / 24),
      ),
    ],
    [
      meanDyNormalised,
      tensorOf(
        [3],
        sumDyNormalised.values.map((sum) => sum / 24),
      ),
    ],
  ] as const;
  const gradients = parts.flatMap((feeds) => [
    ...evaluate(new Map([...feeds, ...ofMeans]), [dx], new Map())[0]!.values,
  ]);
  close(gradients, expected!.values);
});

test.each<LossKind>([
  { kind: "softmax-cross-entropy", labelSmoothing: 0 },
  { kind: "softmax-cross-entropy", labelSmoothing: 0.1 },
  { kind: "binary-cross-entropy", labelSmoothing: 0 },
  { kind: "binary-cross-entropy", labelSmoothing: 0.2 },
  { kind: "mean-squared-error" },
  { kind: "mean-absolute-error" },
  { kind: "huber", delta: 0.7 },
])("loss %j", (kind) => {
  expectGradients(
    (b, predictions) => {
      const targets =
        kind.kind === "softmax-cross-entropy"
          ? b.constant("labels", [4], Int32Array.of(2, 0, 1, 2))
          : b.constant("targets", [4, 3], uniformValues([4, 3], "targets", [0, 1]));
      const { losses, gradient } = b.loss(predictions, targets, kind);
      // The losses of the samples are weighted by dY: each row of the gradient is multiplied by its sample's weight.
      const rowsOf = (dy: Value) =>
        b.matMul(b.reshape(dy, [1]), b.constant("ones", [1, 3], Float32Array.of(1, 1, 1)));
      return { y: losses, gradients: (dy) => [b.multiply(gradient, rowsOf(dy))] };
    },
    [random([4, 3])],
  );
});
