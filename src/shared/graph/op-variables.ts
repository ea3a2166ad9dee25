// The variables of an op. Pure.
import type { Op } from "./graph.js";

/** Ops that read or change variables. */
export type VariableOp = Extract<Op, { variable: string }>;

/** Ops that change variables. */
export type EffectOp = Exclude<VariableOp, { kind: "variable" }>;

/** One step of an optimizer on one variable. */
export type StepOp = Extract<Op, { kind: "optimizer-step" }>;

/** The variable, followed by the optimizer slots that change with it. */
export function variablesOf(op: VariableOp): [variable: string, ...slots: string[]] {
  return op.kind === "optimizer-step" ? [op.variable, ...op.slots] : [op.variable];
}
