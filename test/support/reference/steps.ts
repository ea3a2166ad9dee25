// Effects of the float64 reference: optimizer steps on its variables.
import type { Op } from "../../../src/shared/graph/graph.js";
import type { EffectOp } from "../../../src/shared/graph/op-variables.js";
import type { ReferenceTensor } from "./tensor.js";

export type Variables = Map<string, ReferenceTensor>;

export function isEffect(op: Op): op is EffectOp {
  return op.kind === "scale-variable" || op.kind === "optimizer-step";
}

/** @param inputs factor, or gradient and rate */
export function takeStep(
  op: EffectOp,
  [first, rate]: readonly ReferenceTensor[],
  variables: Variables,
): void {
  /** New values of a variable, each from the present one and the gradient. */
  const update = (name: string, next: (value: number, gradient: number, at: number) => number) => {
    const { shape, values } = variables.get(name)!;
    const gradients = first!.values;
    const updated = values.map((value, at) => next(value, gradients[at % gradients.length]!, at));
    variables.set(name, { shape, values: updated });
  };
  const valueOf = (name: string, at: number) => variables.get(name)!.values[at]!;
  const r = rate?.values[0] ?? 0;
  if (op.kind === "scale-variable") {
    update(op.variable, (value, factor) => factor * value);
    return;
  }
  const { variable, rule } = op;
  const [slot, secondSlot] = op.slots as [string, string];
  switch (rule.kind) {
    case "sgd":
      update(variable, (value, g) => value - r * g);
      break;
    case "momentum":
      update(slot, (a, g) => rule.momentum * a + g);
      update(variable, (value, _, at) => value - r * valueOf(slot, at));
      break;
    case "adam":
      update(slot, (m, g) => m + (g - m) * (1 - rule.beta1));
      update(secondSlot, (v, g) => v + (g * g - v) * (1 - rule.beta2));
      update(variable, (value, _, at) => {
        return (
          value - (r * valueOf(slot, at)) / (Math.sqrt(valueOf(secondSlot, at)) + rule.epsilon)
        );
      });
      break;
    case "rmsprop":
      update(slot, (s, g) => s + (g * g - s) * (1 - rule.rho));
      update(variable, (value, g, at) => {
        return value - (r * g) / Math.sqrt(valueOf(slot, at) + rule.epsilon);
      });
      break;
    default:
      rule satisfies never;
  }
}
