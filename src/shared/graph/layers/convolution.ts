// Convolutions, over all channels or each channel on its own. Pure.
import type { Window } from "../../network/window-shape.js";
import type { Value } from "../graph.js";
import { addBias, leaveBiasGradient } from "./bias.js";
import {
  type ForwardPass,
  inputGradient,
  type LayerContext,
  leaveGradient,
  onlyInput,
  type SpecOf,
} from "./pass.js";

/** The ops of one kind of convolution. */
interface ConvolutionOps {
  forward: (x: Value, kernel: Value, window: Window) => Value;
  inputGradient: (kernel: Value, dy: Value, inputShape: readonly number[], window: Window) => Value;
  kernelGradient: (x: Value, dy: Value, window: Window) => Value;
}

export function forwardConv2d(spec: SpecOf<"conv2d">, context: LayerContext): ForwardPass {
  const { builder } = context;
  return forwardConvolution(spec, context, {
    forward: (...of) => builder.conv2d(...of),
    inputGradient: (...of) => builder.conv2dInputGradient(...of),
    kernelGradient: (...of) => builder.conv2dKernelGradient(...of),
  });
}

export function forwardDepthwiseConv2d(
  spec: SpecOf<"depthwise-conv2d">,
  context: LayerContext,
): ForwardPass {
  const { builder } = context;
  return forwardConvolution(spec, context, {
    forward: (...of) => builder.depthwiseConv2d(...of),
    inputGradient: (...of) => builder.depthwiseConv2dInputGradient(...of),
    kernelGradient: (...of) => builder.depthwiseConv2dKernelGradient(...of),
  });
}

function forwardConvolution(
  { kernelSize: size, strides, padding, useBias }: SpecOf<"conv2d" | "depthwise-conv2d">,
  context: LayerContext,
  ops: ConvolutionOps,
): ForwardPass {
  const x = onlyInput(context);
  const kernel = context.weight("kernel");
  const window = { size, strides, padding };
  const propagate = inputGradient((dy) =>
    ops.inputGradient(kernel, dy, context.layer.inputShapes[0]!, window),
  );
  return {
    y: addBias(ops.forward(x, kernel, window), useBias, context),
    backward: (dy, needed) => {
      leaveGradient(context, "kernel", () => ({ dense: ops.kernelGradient(x, dy, window) }));
      if (useBias) leaveBiasGradient(dy, context);
      return propagate(dy, needed);
    },
  };
}
