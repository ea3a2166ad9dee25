// Convolutions, over all channels or each channel on its own. Pure.
import { addBias, leaveBiasGradient } from "./bias.js";
import {
  type ForwardPass,
  inputGradient,
  type LayerContext,
  leaveGradient,
  onlyInput,
  type SpecOf,
} from "./pass.js";

export function forwardConv2d(spec: SpecOf<"conv2d">, context: LayerContext): ForwardPass {
  const { builder, layer } = context;
  const x = onlyInput(context);
  const kernel = context.weight("kernel");
  const { kernelSize: size, strides, padding, useBias } = spec;
  const window = { size, strides, padding };
  const propagate = inputGradient((dy) =>
    builder.conv2dInputGradient(kernel, dy, layer.inputShapes[0]!, window),
  );
  return {
    y: addBias(builder.conv2d(x, kernel, window), useBias, context),
    backward: (dy, needed) => {
      leaveGradient(context, "kernel", () => ({
        dense: builder.conv2dKernelGradient(x, dy, window),
      }));
      if (useBias) leaveBiasGradient(dy, context);
      return propagate(dy, needed);
    },
  };
}

export function forwardDepthwiseConv2d(
  spec: SpecOf<"depthwise-conv2d">,
  context: LayerContext,
): ForwardPass {
  const { builder, layer } = context;
  const x = onlyInput(context);
  const kernel = context.weight("kernel");
  const { kernelSize: size, strides, padding, useBias } = spec;
  const window = { size, strides, padding };
  const propagate = inputGradient((dy) =>
    builder.depthwiseConv2dInputGradient(kernel, dy, layer.inputShapes[0]!, window),
  );
  return {
    y: addBias(builder.depthwiseConv2d(x, kernel, window), useBias, context),
    backward: (dy, needed) => {
      leaveGradient(context, "kernel", () => ({
        dense: builder.depthwiseConv2dKernelGradient(x, dy, window),
      }));
      if (useBias) leaveBiasGradient(dy, context);
      return propagate(dy, needed);
    },
  };
}
