// Effects of the float64 reference: optimizer steps on its variables.
import type { Op } from "../../../src/shared/graph/graph.js";
import type { ReferenceTensor } from "./tensor.js";

type OpOf<Kind extends Op["kind"]> = Extract<Op, { kind: Kind }>;

export type EffectOp = OpOf<
  "scale-variable" | "sgd-step" | "momentum-step" | "adam-step" | "rmsprop-step"
>;

export type Variables = Map<string, ReferenceTensor>;

export function isEffect(op: Op): op is EffectOp {
  return op.kind === "scale-variable" || op.kind.endsWith("-step");
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
  switch (op.kind) {
    case "scale-variable":
      update(op.variable, (value, factor) => factor * value);
      break;
    case "sgd-step":
      update(op.variable, (value, g) => value - r * g);
      break;
    case "momentum-step":
      update(op.accumulator, (a, g) => op.momentum * a + g);
      update(op.variable, (value, _, at) => value - r * valueOf(op.accumulator, at));
      break;
    case "adam-step":
      update(op.m, (m, g) => m + (g - m) * (1 - op.beta1));
      update(op.v, (v, g) => v + (g * g - v) * (1 - op.beta2));
      update(op.variable, (value, _, at) => {
        return value - (r * valueOf(op.m, at)) / (Math.sqrt(valueOf(op.v, at)) + op.epsilon);
      });
      break;
    case "rmsprop-step":
      update(op.meanSquare, (s, g) => s + (g * g - s) * (1 - op.rho));
      update(op.variable, (value, g, at) => {
        return value - (r * g) / Math.sqrt(valueOf(op.meanSquare, at) + op.epsilon);
      });
      break;
    default:
      op satisfies never;
  }
}
