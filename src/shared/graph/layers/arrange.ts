// Layers that only rearrange values: reshapes and zero padding. Pure.
import {
  asShape,
  type ForwardPass,
  inputGradient,
  type LayerContext,
  onlyInput,
  type SpecOf,
} from "./pass.js";

/** Flatten and reshape: the target is the layer's output shape. */
export function forwardReshape(context: LayerContext): ForwardPass {
  const { builder, layer } = context;
  return {
    y: asShape(builder, onlyInput(context), layer.shape),
    backward: inputGradient((dy) => asShape(builder, dy, layer.inputShapes[0]!)),
  };
}

export function forwardZeroPadding(
  border: SpecOf<"zero-padding">,
  context: LayerContext,
): ForwardPass {
  const { builder } = context;
  return {
    y: builder.pad(onlyInput(context), border),
    backward: inputGradient((dy) => builder.crop(dy, border)),
  };
}
