// Every kind of layer: its forward and backward pass in training, and its forward pass in inference. Pure.
import type { Value } from "../graph.js";
import { forwardActivation, forwardDropout } from "./activation.js";
import { forwardReshape, forwardZeroPadding } from "./arrange.js";
import { forwardBatchNorm, inferBatchNorm } from "./batch-norm.js";
import { forwardConv2d, forwardDepthwiseConv2d } from "./convolution.js";
import { forwardDense } from "./dense.js";
import { forwardAdd, forwardConcatenate } from "./merge.js";
import { type ForwardPass, inputGradient, type LayerContext, onlyInput } from "./pass.js";
import {
  forwardAveragePool,
  forwardGlobalAveragePool,
  forwardGlobalMaxPool,
  forwardMaxPool,
} from "./pool.js";

export type { BarrierValues, ForwardPass, GradientValues, LayerContext, Trace } from "./pass.js";

/** In training. The loss takes logits, so a softmax in the last layer is skipped (loss.ts). */
export function forwardLayer(context: LayerContext): ForwardPass {
  const spec = context.layer.layer;
  switch (spec.kind) {
    case "conv2d":
      return forwardConv2d(spec, context);
    case "depthwise-conv2d":
      return forwardDepthwiseConv2d(spec, context);
    case "dense":
      return forwardDense(spec, context);
    case "batch-norm":
      return forwardBatchNorm(spec, context);
    case "activation":
      return forwardActivation(spec, context);
    case "softmax":
      return passThrough(context);
    case "max-pool":
      return forwardMaxPool(spec, context);
    case "average-pool":
      return forwardAveragePool(spec, context);
    case "global-average-pool":
      return forwardGlobalAveragePool(context);
    case "global-max-pool":
      return forwardGlobalMaxPool(context);
    case "flatten":
    case "reshape":
      return forwardReshape(context);
    case "zero-padding":
      return forwardZeroPadding(spec, context);
    case "dropout":
      return forwardDropout(spec, context);
    case "add":
      return forwardAdd(context);
    case "concatenate":
      return forwardConcatenate(spec, context);
    default:
      return spec satisfies never;
  }
}

/** In inference, again up to the logits. Most layers compute the same as in training. */
export function inferLayer(context: LayerContext): Value {
  const spec = context.layer.layer;
  if (spec.kind === "batch-norm") return inferBatchNorm(spec, context);
  if (spec.kind === "dropout") return onlyInput(context);
  return forwardLayer(context).y;
}

/** The identity. */
export function passThrough(context: LayerContext): ForwardPass {
  return { y: onlyInput(context), backward: inputGradient((dy) => dy) };
}
