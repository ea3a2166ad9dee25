// Dense layers on rows. Pure.
import { addBias, leaveBiasGradient } from "./bias.js";
import {
  type ForwardPass,
  inputGradient,
  type LayerContext,
  leaveGradient,
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
      leaveGradient(context, "kernel", () => ({
        dense: builder.matMul(x, dy, { transposeA: true }),
        factors: { inputs: x, outputs: dy },
      }));
      if (useBias) leaveBiasGradient(dy, context);
      return propagate(dy, needed);
    },
  };
}
