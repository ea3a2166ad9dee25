// Pooling over windows, and global pooling. Pure.
import type { Sides } from "../../network/spec.js";
import type { Window } from "../../network/window-shape.js";
import {
  asShape,
  type ForwardPass,
  inputGradient,
  type LayerContext,
  onlyInput,
  type SpecOf,
} from "./pass.js";

export function forwardMaxPool(spec: SpecOf<"max-pool">, context: LayerContext): ForwardPass {
  return maxPool(windowOf(spec), context);
}

export function forwardAveragePool(
  spec: SpecOf<"average-pool">,
  context: LayerContext,
): ForwardPass {
  return averagePool(windowOf(spec), context);
}

export function forwardGlobalMaxPool(context: LayerContext): ForwardPass {
  return squeezeSides(maxPool(wholeImage(context), context), context);
}

export function forwardGlobalAveragePool(context: LayerContext): ForwardPass {
  return squeezeSides(averagePool(wholeImage(context), context), context);
}

function maxPool(window: Window, context: LayerContext): ForwardPass {
  const { builder } = context;
  const x = onlyInput(context);
  const pooled = builder.maxPool(x, window);
  return {
    y: pooled.y,
    backward: inputGradient((dy) => builder.maxPoolGradient(x, pooled, dy, window)),
  };
}

function averagePool(window: Window, context: LayerContext): ForwardPass {
  const { builder, layer } = context;
  return {
    y: builder.averagePool(onlyInput(context), window),
    backward: inputGradient((dy) => builder.averagePoolGradient(dy, layer.inputShapes[0]!, window)),
  };
}

/** [N,1,1,C] → [N,C], if that is the layer's output shape. */
function squeezeSides(pool: ForwardPass, { builder, layer }: LayerContext): ForwardPass {
  const y = asShape(builder, pool.y, layer.shape);
  return {
    y,
    backward: (dy, needed) => {
      const isNeeded = needed.includes(true);
      return pool.backward(isNeeded ? asShape(builder, dy, pool.y.shape.slice(1)) : dy, needed);
    },
  };
}

function windowOf({ poolSize, strides, padding }: SpecOf<"max-pool" | "average-pool">): Window {
  return { size: poolSize, strides, padding };
}

function wholeImage({ layer }: LayerContext): Window {
  const [height, width] = layer.inputShapes[0] as unknown as Sides;
  return { size: [height, width], strides: [1, 1], padding: "valid" };
}
