// The bias of a convolution or dense layer. Pure.
import type { Value } from "../graph.js";
import { type LayerContext, recordGradient } from "./pass.js";

export function addBias(x: Value, useBias: boolean, { builder, weight }: LayerContext): Value {
  return useBias ? builder.biasAdd(x, weight("bias")) : x;
}

export function recordBiasGradient(dy: Value, context: LayerContext): void {
  recordGradient(context, "bias", () => ({ dense: context.builder.biasGradient(dy) }));
}
