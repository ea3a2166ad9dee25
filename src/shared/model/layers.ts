// The layers' way forward and back. Each step of the way forward returns its output and the function that takes the
// output's gradient back to the input's, leaving the gradients of its own parameters on the way.
import { mergedMoments, type Moments } from "../statistics/moments.js";
import type { LayerSpec } from "./network.js";
import type { Ops } from "./ops.js";
import type { Tensor } from "./tensorflow.js";

/** A parameter's gradient while it is still in TensorFlow; see `Gradient` for the two forms. */
export type TensorGradient =
  { form: "dense"; values: Tensor } | { form: "factors"; inputs: Tensor; outputs: Tensor };

/** Collects what the layers leave on their way, by the names of parameters and normalised layers. */
export interface Trace {
  gradients: Map<string, TensorGradient>;
  moments: Map<string, Moments>;
}

/** @returns the gradient of the layer's input; null where nobody needs it, as before the first layer */
export type Backward = (dy: Tensor, needsInput: boolean) => Tensor | null;

export interface LayerContext {
  ops: Ops;
  /** The present value of a parameter. */
  weight: (name: string) => Tensor;
  isFactored: (parameter: string) => boolean;
  trace: Trace;
}

export function forwardLayer(
  layer: LayerSpec,
  x: Tensor,
  context: LayerContext,
): { y: Tensor; backward: Backward } {
  switch (layer.kind) {
    case "convolution":
      return convolution(layer.name, x, context);
    case "batch-norm":
      return batchNorm(layer.name, x, context);
    case "max-pool":
      return maxPool(x, context.ops);
    case "relu":
      return relu(x, context.ops);
    case "dense":
      return dense(layer.name, layer.bias, x, context);
  }
}

function convolution(name: string, x: Tensor, { ops, weight, trace }: LayerContext) {
  const kernel = weight(`${name}/kernel`);
  const backward: Backward = (dy, needsInput) => {
    const values = ops.conv2dKernelGradient(x, kernel.shape, dy);
    trace.gradients.set(`${name}/kernel`, { form: "dense", values });
    return needsInput ? ops.conv2dInputGradient(x.shape, kernel, dy) : null;
  };
  return { y: ops.conv2d(x, kernel), backward };
}

function batchNorm(name: string, x: Tensor, { ops, weight, trace }: LayerContext) {
  const scale = weight(`${name}/scale`);
  const images = asImages(x);
  const own = batchMoments(images, ops);
  trace.moments.set(name, own);
  const mean = ops.tf.tensor1d(own.mean, "float32");
  const variance = ops.tf.tensor1d(own.variance, "float32");
  const y = ops.normalise(images, { mean, variance }, scale, weight(`${name}/beta`));
  const backward: Backward = (dy) => {
    const gradient = ops.batchNormGradient(dy.reshape(images.shape), images, scale, {
      mean,
      variance,
    });
    trace.gradients.set(`${name}/scale`, { form: "dense", values: gradient.dScale });
    trace.gradients.set(`${name}/beta`, { form: "dense", values: gradient.dBeta });
    return gradient.dx.reshape(x.shape);
  };
  return { y: y.reshape(x.shape), backward };
}

/**
 * TensorFlow's own kernel adds a channel's values up one by one in float32: over the 39,200 of a convolution of 50 images,
 * most of them the same background, that is wrong in the fourth digit. So the moments of each pixel are taken over the
 * samples, and the pixels are merged as shards are.
 */
function batchMoments(
  images: Tensor,
  ops: Ops,
): { count: number; mean: Float32Array; variance: Float32Array } {
  const [samples, height, width, channels] = images.shape as [number, number, number, number];
  const pixels = height * width;
  const { mean, variance } = ops.moments(images.reshape([samples, pixels * channels]));
  const [means, variances] = [mean.dataSync(), variance.dataSync()] as [Float32Array, Float32Array];
  if (pixels === 1) return { count: samples, mean: means, variance: variances };
  const parts = Array.from({ length: pixels }, (_, pixel) => ({
    count: samples,
    mean: means.subarray(pixel * channels, (pixel + 1) * channels),
    variance: variances.subarray(pixel * channels, (pixel + 1) * channels),
  }));
  const merged = mergedMoments(parts);
  return {
    count: merged.count,
    mean: Float32Array.from(merged.mean),
    variance: Float32Array.from(merged.variance),
  };
}

function maxPool(x: Tensor, ops: Ops) {
  const pooled = ops.maxPool(x);
  const backward: Backward = (dy) => ops.maxPoolGradient(x, pooled, dy);
  return { y: pooled.y, backward };
}

function relu(x: Tensor, ops: Ops) {
  const y = ops.relu(x);
  const backward: Backward = (dy) => ops.reluGradient(dy, y);
  return { y, backward };
}

function dense(name: string, hasBias: boolean, x: Tensor, context: LayerContext) {
  const { ops, weight, trace, isFactored } = context;
  const kernel = weight(`${name}/kernel`);
  const rows = asRows(x);
  const product = ops.matMul(rows, kernel);
  const y = hasBias ? ops.biasAdd(product, weight(`${name}/bias`)) : product;
  const backward: Backward = (dy, needsInput) => {
    const gradient: TensorGradient = isFactored(`${name}/kernel`)
      ? { form: "factors", inputs: rows, outputs: dy }
      : { form: "dense", values: ops.transposedMatMul(rows, dy) };
    trace.gradients.set(`${name}/kernel`, gradient);
    if (hasBias)
      trace.gradients.set(`${name}/bias`, { form: "dense", values: ops.biasGradient(dy) });
    return needsInput ? ops.matMulTransposed(dy, kernel).reshape(x.shape) : null;
  };
  return { y, backward };
}

/** [N,…,C] → [N,H,W,C]: the fused kernel normalises images; rows are images of one pixel. */
function asImages(x: Tensor): Tensor {
  return x.rank === 4 ? x : x.reshape([x.shape[0], 1, 1, x.shape[1]!]);
}

function asRows(x: Tensor): Tensor {
  return x.rank === 2 ? x : x.reshape([x.shape[0], x.size / x.shape[0]]);
}

/** The layer in inference: batch normalisation takes the population statistics. */
export function inferLayer(
  layer: LayerSpec,
  x: Tensor,
  ops: Ops,
  weight: (name: string) => Tensor,
): Tensor {
  switch (layer.kind) {
    case "convolution":
      return ops.conv2d(x, weight(`${layer.name}/kernel`));
    case "batch-norm": {
      const [scale, beta, mean, variance] = ["scale", "beta", "pop_mean", "pop_var"].map((part) =>
        weight(`${layer.name}/${part}`),
      ) as [Tensor, Tensor, Tensor, Tensor];
      return ops.normalise(asImages(x), { mean, variance }, scale, beta).reshape(x.shape);
    }
    case "max-pool":
      return ops.maxPool(x).y;
    case "relu":
      return ops.relu(x);
    case "dense": {
      const product = ops.matMul(asRows(x), weight(`${layer.name}/kernel`));
      return layer.bias ? ops.biasAdd(product, weight(`${layer.name}/bias`)) : product;
    }
  }
}
