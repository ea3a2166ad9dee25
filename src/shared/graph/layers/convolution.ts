// Ordinary and depthwise convolutions. Pure.
import type { ConvolutionBuilder } from "../convolution-builder.js";
import { addBias, recordBiasGradient } from "./bias.js";
import {
  type ForwardPass,
  inputGradient,
  type LayerContext,
  recordGradient,
  onlyInput,
  type SpecOf,
} from "./pass.js";

export function forwardConv2d(spec: SpecOf<"conv2d">, context: LayerContext): ForwardPass {
  return forwardConvolution(spec, context, context.builder.conv2d);
}

export function forwardDepthwiseConv2d(
  spec: SpecOf<"depthwise-conv2d">,
  context: LayerContext,
): ForwardPass {
  return forwardConvolution(spec, context, context.builder.depthwiseConv2d);
}

function forwardConvolution(
  { kernelSize: size, strides, padding, useBias }: SpecOf<"conv2d" | "depthwise-conv2d">,
  context: LayerContext,
  convolution: ConvolutionBuilder,
): ForwardPass {
  const x = onlyInput(context);
  const kernel = context.weight("kernel");
  const window = { size, strides, padding };
  const propagate = inputGradient((dy) =>
    convolution.inputGradient(kernel, dy, context.layer.inputShapes[0]!, window),
  );
  return {
    y: addBias(convolution.forward(x, kernel, window), useBias, context),
    backward: (dy, needed) => {
      recordGradient(context, "kernel", () => ({
        dense: convolution.kernelGradient(x, dy, window),
      }));
      if (useBias) recordBiasGradient(dy, context);
      return propagate(dy, needed);
    },
  };
}
