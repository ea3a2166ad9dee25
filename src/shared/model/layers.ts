// The layers' ways forward and back, as nodes of a graph. Each way forward gives its output and the function that puts in
// the way from the output's gradient back to the input's, leaving the gradients of the layer's own parameters behind.
import type { Output } from "./graph.js";
import { type LayerSpec, sizeOf } from "./network.js";
import type { MomentOutputs, Ops } from "./ops.js";

/** Where a parameter's gradient is found; a dense kernel's also as its factors (`Gradient`). */
export interface GradientOutputs {
  dense: Output;
  factors?: { inputs: Output; outputs: Output };
}

/** Collects what the layers leave on their way, by the names of parameters and normalised layers. */
export interface Trace {
  gradients: Map<string, GradientOutputs>;
  moments: Map<string, MomentOutputs>;
}

/** @returns the gradient of the layer's input; undefined where nobody needs it, as before the first layer */
export type Backward = (dy: Output, needsInput: boolean) => Output | undefined;

export interface LayerContext {
  ops: Ops;
  /** The present value of a parameter. */
  weight: (name: string) => Output;
  /** [1,N], all 1/N */
  sampleWeights: Output;
  trace: Trace;
}

export function forwardLayer(
  layer: LayerSpec,
  x: Output,
  context: LayerContext,
): { y: Output; backward: Backward } {
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

function convolution(name: string, x: Output, { ops, weight, trace }: LayerContext) {
  const kernel = weight(`${name}/kernel`);
  const backward: Backward = (dy, needsInput) => {
    const gradient = ops.conv2dKernelGradient(x, kernel, dy);
    trace.gradients.set(`${name}/kernel`, { dense: gradient });
    return needsInput ? ops.conv2dInputGradient(x, kernel, dy) : undefined;
  };
  return { y: ops.conv2d(x, kernel), backward };
}

function batchNorm(name: string, x: Output, context: LayerContext) {
  const { ops, weight, sampleWeights, trace } = context;
  const scale = weight(`${name}/scale`);
  const images = asImages(x, ops);
  const moments = ops.moments(images, sampleWeights);
  trace.moments.set(name, moments);
  const y = ops.normalise(images, moments, scale, weight(`${name}/beta`));
  const backward: Backward = (dy) => {
    const gradient = ops.batchNormGradient(asImages(dy, ops), images, scale, moments);
    trace.gradients.set(`${name}/scale`, { dense: gradient.dScale });
    trace.gradients.set(`${name}/beta`, { dense: gradient.dBeta });
    return asSides(gradient.dx, x.shape, ops);
  };
  return { y: asSides(y, x.shape, ops), backward };
}

function maxPool(x: Output, ops: Ops) {
  const pooled = ops.maxPool(x);
  const backward: Backward = (dy) => ops.maxPoolGradient(x, pooled, dy);
  return { y: pooled.y, backward };
}

function relu(x: Output, ops: Ops) {
  const y = ops.relu(x);
  const backward: Backward = (dy) => ops.reluGradient(dy, y);
  return { y, backward };
}

function dense(name: string, hasBias: boolean, x: Output, { ops, weight, trace }: LayerContext) {
  const kernel = weight(`${name}/kernel`);
  const rows = asRows(x, ops);
  const product = ops.matMul(rows, kernel);
  const y = hasBias ? ops.biasAdd(product, weight(`${name}/bias`)) : product;
  const backward: Backward = (dy, needsInput) => {
    trace.gradients.set(`${name}/kernel`, {
      dense: ops.transposedMatMul(rows, dy),
      factors: { inputs: rows, outputs: dy },
    });
    if (hasBias) trace.gradients.set(`${name}/bias`, { dense: ops.biasGradient(dy) });
    return needsInput ? asSides(ops.matMulTransposed(dy, kernel), x.shape, ops) : undefined;
  };
  return { y, backward };
}

/** The layer in inference: batch normalisation takes the population statistics. */
export function inferLayer(
  layer: LayerSpec,
  x: Output,
  ops: Ops,
  weight: (name: string) => Output,
): Output {
  switch (layer.kind) {
    case "convolution":
      return ops.conv2d(x, weight(`${layer.name}/kernel`));
    case "batch-norm": {
      const [scale, beta, mean, variance] = ["scale", "beta", "pop_mean", "pop_var"].map((part) =>
        weight(`${layer.name}/${part}`),
      ) as [Output, Output, Output, Output];
      const y = ops.normalise(asImages(x, ops), { mean, variance }, scale, beta);
      return asSides(y, x.shape, ops);
    }
    case "max-pool":
      return ops.maxPool(x).y;
    case "relu":
      return ops.relu(x);
    case "dense": {
      const product = ops.matMul(asRows(x, ops), weight(`${layer.name}/kernel`));
      return layer.bias ? ops.biasAdd(product, weight(`${layer.name}/bias`)) : product;
    }
  }
}

/** [N,…,C] → [N,H,W,C]: the fused kernel normalises images; rows are images of one pixel. */
function asImages(x: Output, ops: Ops): Output {
  return x.shape.length === 4 ? x : ops.reshape(x, [1, 1, x.shape[1]!]);
}

function asRows(x: Output, ops: Ops): Output {
  if (x.shape.length === 2) return x;
  return ops.reshape(x, [sizeOf(x.shape.slice(1))]);
}

/** In the shape given, which has as many values. */
function asSides(x: Output, shape: readonly number[], ops: Ops): Output {
  return x.shape.length === shape.length ? x : ops.reshape(x, shape.slice(1));
}
