// The variables that an op reads or changes. Pure.
import type { Op } from "./graph.js";

/** Ops on variables. */
export type VariableOp = Extract<Op, { variable: string }>;

/** Ops that change them. */
export type EffectOp = Exclude<VariableOp, { kind: "variable" }>;

/** One step of an optimizer on one variable. */
export type StepOp = Exclude<EffectOp, { kind: "scale-variable" }>;

/** The variable itself, and after it the slots that a step changes with it. */
export function variablesOf(op: VariableOp): [variable: string, ...slots: string[]] {
  switch (op.kind) {
    case "variable":
    case "scale-variable":
    case "sgd-step":
      return [op.variable];
    case "momentum-step":
      return [op.variable, op.accumulator];
    case "adam-step":
      return [op.variable, op.m, op.v];
    case "rmsprop-step":
      return [op.variable, op.meanSquare];
    default:
      return op satisfies never;
  }
}
