// Batch normalisation as TensorFlow nodes. Pure.
import { sizeOf } from "../../network/network.js";
import { type Attributes, NumberType, type Output } from "./graph-def.js";
import { FLOAT, type NodeEmitter, outputAt } from "./node-emitter.js";

const { float32, float64, int32 } = NumberType;
type Shape = readonly number[];

/**
 * x […,C] → mean and biased variance [C].
 * Adding the values one by one in float32, as TensorFlow's fused kernel does, is wrong in the fourth digit for the 39,200 values
 * of a convolution of 50 images, most of which are the same background. So the moments of each pixel are computed over the
 * samples, as products with a row of 1/N, which is the fastest way in TensorFlow on CPUs (docs/performance.md), and then pooled
 * over the pixels in float64 with the formula of statistics/moments.ts.
 */
export function lowerMoments(emitter: NodeEmitter, x: Output, shape: Shape): Output[] {
  const channels = shape.at(-1)!;
  const pixels = sizeOf(shape.slice(1, -1));
  const weights = sampleWeights(emitter, x);
  const rows = shape.length === 2 ? x : emitter.reshape(x, [-1, pixels * channels], "rows");
  const means = multiplyMatrices(emitter, weights, rows, "means");
  const squares = squaredDifference(emitter, rows, means, float32);
  const variances = multiplyMatrices(emitter, weights, squares, "variances");
  const [pixelMeans, pixelVariances] = [means, variances].map((values) =>
    emitter.cast(emitter.reshape(values, [-1, channels], "pixels"), float32, float64, "float64"),
  ) as [Output, Output];
  const mean = emitter.reduce("Mean", pixelMeans, [0], float64, "pooled_mean");
  const between = squaredDifference(emitter, pixelMeans, mean, float64);
  const sum = emitter.emit("AddV2", [pixelVariances, between], { T: { type: float64 } }, "sum");
  const variance = emitter.reduce("Mean", sum, [0], float64, "pooled_variance");
  return [
    emitter.cast(mean, float64, float32, "mean"),
    emitter.cast(variance, float64, float32, "variance"),
  ];
}

/** [1,N], all float32(1/N), as a single division rounds once. */
function sampleWeights(emitter: NodeEmitter, x: Output): Output {
  const count = emitter.sampleCount(x);
  const floatCount = emitter.cast(
    emitter.emit(
      "Reshape",
      [count, emitter.integers("none", [])],
      { T: { type: int32 }, Tshape: { type: int32 } },
      "count",
    ),
    int32,
    float32,
    "float_count",
  );
  const weight = emitter.float("RealDiv", [emitter.scalar("unity", 1), floatCount], "weight");
  const sides = [emitter.integers("row", [1]), count, emitter.axis(0)];
  const attributes = { T: { type: int32 }, Tidx: { type: int32 }, N: { integer: 2 } };
  const shape = emitter.emit("ConcatV2", sides, attributes, "weights_shape");
  const fill = { T: { type: float32 }, index_type: { type: int32 } };
  return emitter.emit("Fill", [shape, weight], fill, "weights");
}

/** x, mean, variance, scale, beta → normalised x */
export function lowerNormalise(
  emitter: NodeEmitter,
  epsilon: number,
  [x, mean, variance, scale, beta]: readonly Output[],
  shape: Shape,
): Output {
  const normalise = (images: Output, part?: string) =>
    emitter.emit(
      "FusedBatchNormV3",
      [images, scale!, beta!, mean!, variance!],
      batchNormAttributes(epsilon, false),
      part,
    );
  if (shape.length === 4) return normalise(x!);
  return emitter.reshape(normalise(asImages(emitter, x!, shape), "normalised"), [
    -1,
    ...shape.slice(1),
  ]);
}

/** dY, x, mean, variance, scale → dX, dScale, dBeta */
export function lowerBatchNormGradient(
  emitter: NodeEmitter,
  epsilon: number,
  [dy, x, mean, variance, scale]: readonly Output[],
  shape: Shape,
): Output[] {
  const none = emitter.constant("none", [0], new Float32Array(0));
  const inputs = [
    asImages(emitter, dy!, shape),
    asImages(emitter, x!, shape),
    scale!,
    mean!,
    variance!,
    none,
  ];
  const dx = emitter.emit(
    "FusedBatchNormGradV3",
    inputs,
    batchNormAttributes(epsilon, true),
    shape.length === 4 ? undefined : "gradient",
  );
  const [dScale, dBeta] = [outputAt(dx, 1), outputAt(dx, 2)];
  if (shape.length === 4) return [dx, dScale, dBeta];
  return [emitter.reshape(dx, [-1, ...shape.slice(1)]), dScale, dBeta];
}

/**
 * dY, x, mean, variance → Σ dY, Σ dY·x̂ of each channel: the gradients of beta and scale for fixed moments. The fused kernel
 * computes them in one pass, as for `batch-norm-gradient`.
 */
export function lowerBatchNormSums(
  emitter: NodeEmitter,
  epsilon: number,
  [dy, x, mean, variance]: readonly Output[],
  shape: Shape,
): Output[] {
  const channels = shape.at(-1)!;
  const ones = emitter.constant("ones", [channels], new Float32Array(channels).fill(1));
  const none = emitter.constant("none", [0], new Float32Array(0));
  const [images, gradients] = [asImages(emitter, x!, shape, "x"), asImages(emitter, dy!, shape)];
  const fused = emitter.emit(
    "FusedBatchNormGradV3",
    [gradients, images, ones, mean!, variance!, none],
    batchNormAttributes(epsilon, false),
    "fused",
  );
  return [outputAt(fused, 2), outputAt(fused, 1)];
}

/**
 * dY, x, mean, variance, scale, mean of dY, mean of dY·x̂ → scale/√(variance + ε) · (dY − mean dY − x̂ · mean(dY·x̂)): the
 * difference of two normalisations, one of dY with mean 0, and one of x with another scale and beta.
 */
export function lowerBatchNormInputGradient(
  emitter: NodeEmitter,
  epsilon: number,
  [dy, x, mean, variance, scale, meanDy, meanDyNormalised]: readonly Output[],
  shape: Shape,
): Output {
  const channels = shape.at(-1)!;
  const zeros = emitter.constant("zeros", [channels], new Float32Array(channels));
  const withEpsilon = emitter.float(
    "AddV2",
    [variance!, emitter.scalar("epsilon", epsilon)],
    "with_epsilon",
  );
  const deviation = emitter.float("Sqrt", [withEpsilon], "deviation");
  const factor = emitter.float("RealDiv", [scale!, deviation], "factor");
  const ofScale = emitter.float("Mul", [factor, meanDyNormalised!], "scale_of_x");
  const ofBeta = emitter.float("Mul", [factor, meanDy!], "beta_of_x");
  const normalise = (images: Output, [s, b, m]: readonly [Output, Output, Output], part: string) =>
    emitter.emit(
      "FusedBatchNormV3",
      [images, s, b, m, variance!],
      batchNormAttributes(epsilon, false),
      part,
    );
  const own = normalise(asImages(emitter, dy!, shape), [scale!, zeros, zeros], "of_dy");
  const others = normalise(asImages(emitter, x!, shape, "x"), [ofScale, ofBeta, mean!], "of_x");
  if (shape.length === 4) return emitter.float("Sub", [own, others]);
  const difference = emitter.float("Sub", [own, others], "difference");
  return emitter.reshape(difference, [-1, ...shape.slice(1)]);
}

/** The fused kernels take images: [N,C] become images of one pixel. */
function asImages(emitter: NodeEmitter, x: Output, shape: Shape, part = "images"): Output {
  if (shape.length === 4) return x;
  return emitter.reshape(x, [-1, 1, sizeOf(shape.slice(1, -1)), shape.at(-1)!], part);
}

function multiplyMatrices(emitter: NodeEmitter, a: Output, b: Output, part: string): Output {
  const attributes = { ...FLOAT, transpose_a: { flag: false }, transpose_b: { flag: false } };
  return emitter.emit("MatMul", [a, b], attributes, part);
}

function squaredDifference(emitter: NodeEmitter, a: Output, b: Output, type: NumberType): Output {
  return emitter.emit("SquaredDifference", [a, b], { T: { type } }, "squares");
}

function batchNormAttributes(epsilon: number, isTraining: boolean): Attributes {
  return {
    ...FLOAT,
    U: { type: float32 },
    epsilon: { number: epsilon },
    data_format: { text: "NHWC" },
    is_training: { flag: isTraining },
  };
}
