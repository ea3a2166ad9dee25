// Layers with several inputs. Pure.
import type { Value } from "../graph.js";
import type { ForwardPass, LayerContext, SpecOf } from "./pass.js";

/** Adds from the first input to the last. */
export function forwardAdd({ builder, inputs }: LayerContext): ForwardPass {
  return {
    y: inputs.reduce((sum, input) => builder.addTensors(sum, input)),
    backward: (dy, needed) => needed.map((isNeeded) => (isNeeded ? dy : undefined)),
  };
}

export function forwardConcatenate(
  { axis }: SpecOf<"concatenate">,
  { builder, inputs, layer }: LayerContext,
): ForwardPass {
  const sizes = layer.inputShapes.map((shape) => shape[axis]!);
  const slice = (dy: Value, index: number): Value => {
    const from = sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
    return builder.slice(dy, axis, from, sizes[index]!);
  };
  return {
    y: builder.concat(inputs, axis),
    backward: (dy, needed) =>
      needed.map((isNeeded, index) => (isNeeded ? slice(dy, index) : undefined)),
  };
}
