// The bias of a convolution or dense layer. Pure.
import type { Value } from "../graph.js";
import { type LayerContext, leaveGradient } from "./pass.js";

export function addBias(x: Value, useBias: boolean, { builder, weight }: LayerContext): Value {
  return useBias ? builder.biasAdd(x, weight("bias")) : x;
}

export function leaveBiasGradient(dy: Value, context: LayerContext): void {
  leaveGradient(context, "bias", () => ({ dense: context.builder.biasGradient(dy) }));
}
