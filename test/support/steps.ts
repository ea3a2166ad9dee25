// Optimizer steps as ops of a graph, for tests.
import type { StepOp } from "../../src/shared/graph/op-variables.js";

export function sgdStep(variable: string): StepOp {
  return { kind: "optimizer-step", variable, slots: [], rule: { kind: "sgd" } };
}
