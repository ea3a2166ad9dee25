// Dense layers. Pure.
import { addBias, recordBiasGradient } from "./bias.js";
import {
  type ForwardPass,
  inputGradient,
  type LayerContext,
  recordGradient,
  onlyInput,
  type SpecOf,
} from "./pass.js";

export function forwardDense({ useBias }: SpecOf<"dense">, context: LayerContext): ForwardPass {
  const { builder } = context;
  const x = onlyInput(context);
  const kernel = context.weight("kernel");
  const propagate = inputGradient((dy) => builder.matMul(dy, kernel, { transposeB: true }));
  return {
    y: addBias(builder.matMul(x, kernel), useBias, context),
    backward: (dy, needed) => {
      recordGradient(context, "kernel", () => ({
        dense: builder.matMul(x, dy, { transposeA: true }),
        factors: { inputs: x, outputs: dy },
      }));
      if (useBias) recordBiasGradient(dy, context);
      return propagate(dy, needed);
    },
  };
}
