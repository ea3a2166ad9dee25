// The variables that an op reads or changes. Pure.
import type { Op } from "./graph.js";

/** Ops on variables. */
export type VariableOp = Extract<Op, { variable: string }>;

/** Ops that change them. */
export type EffectOp = Exclude<VariableOp, { kind: "variable" }>;

/** One step of an optimizer on one variable. */
export type StepOp = Extract<Op, { kind: "optimizer-step" }>;

/** The variable itself, and after it the slots that a step changes with it. */
export function variablesOf(op: VariableOp): [variable: string, ...slots: string[]] {
  return op.kind === "optimizer-step" ? [op.variable, ...op.slots] : [op.variable];
}
