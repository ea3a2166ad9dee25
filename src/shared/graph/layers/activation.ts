// Elementwise layers: activations and dropout. Pure.
import type { Value } from "../graph.js";
import {
  type ForwardPass,
  inputGradient,
  type LayerContext,
  onlyInput,
  type SpecOf,
} from "./pass.js";

export function forwardActivation(
  { activation, alpha }: SpecOf<"activation">,
  context: LayerContext,
): ForwardPass {
  const { builder } = context;
  const x = onlyInput(context);
  const y = builder.activation(x, activation, alpha);
  const backward = inputGradient((dy) => builder.activationGradient(dy, x, y, activation, alpha));
  return { y, backward };
}

/** Drops values in training only. */
export function forwardDropout(spec: SpecOf<"dropout">, context: LayerContext): ForwardPass {
  const x = onlyInput(context);
  if (spec.rate === 0) return { y: x, backward: inputGradient((dy) => dy) };
  const { builder } = context;
  const mask = context.dropoutMask();
  const scale = (values: Value): Value => builder.multiply(values, mask);
  return { y: scale(x), backward: inputGradient(scale) };
}
