// Optimizer steps as TensorFlow nodes, which change variables in place (tensorflow/core/ops/training_ops.cc). Each function
// returns an output that is fetched to take the step. Pure.
import type { EffectOp } from "../../graph/op-variables.js";
import type { StepRule } from "../../optimizer/optimizer.js";
import type { Output } from "./graph-def.js";
import { VARIABLE } from "./lower-variables.js";
import { FLOAT, type NodeEmitter } from "./node-emitter.js";

type RuleOf<Kind extends StepRule["kind"]> = Extract<StepRule, { kind: Kind }>;

/** @param handleOf finds a variable of the graph */
export function lowerStep(
  emitter: NodeEmitter,
  op: EffectOp,
  inputs: readonly Output[],
  handleOf: (variable: string) => Output,
): Output {
  const variable = handleOf(op.variable);
  if (op.kind === "scale-variable") {
    const value = emitter.emit("ReadVariableOp", [variable], VARIABLE, "value");
    const product = emitter.float("Mul", [value, inputs[0]!], "product");
    return emitter.done([assign(emitter, variable, product)]);
  }
  const { rule } = op;
  const handles = [variable, ...op.slots.map(handleOf)];
  const [gradient, rate] = inputs as [Output, Output];
  switch (rule.kind) {
    case "sgd": {
      const all = [variable, rate, gradient];
      return emitter.done([emitter.emitEffect("ResourceApplyGradientDescent", all, FLOAT, "step")]);
    }
    case "momentum": {
      const all = [...handles, rate, gradient, emitter.scalar("momentum", rule.momentum)];
      return emitter.done([emitter.emitEffect("ResourceApplyMomentum", all, FLOAT, "step")]);
    }
    case "adam":
      return lowerAdam(emitter, rule, handles, [gradient, rate]);
    case "rmsprop":
      return lowerRmsprop(emitter, rule, handles, [gradient, rate]);
  }
}

/** TensorFlow would correct the rate itself, in float32. With powers of 0 it uses the given rate. */
function lowerAdam(
  emitter: NodeEmitter,
  { beta1, beta2, epsilon }: RuleOf<"adam">,
  handles: readonly Output[],
  [gradient, rate]: readonly [Output, Output],
): Output {
  const inputs = [
    ...handles,
    ...[emitter.scalar("power1", 0), emitter.scalar("power2", 0), rate],
    ...[emitter.scalar("beta1", beta1), emitter.scalar("beta2", beta2)],
    ...[emitter.scalar("epsilon", epsilon), gradient],
  ];
  return emitter.done([emitter.emitEffect("ResourceApplyAdam", inputs, FLOAT, "step")]);
}

/** Not ResourceApplyRMSProp, which requires a slot for momentum as well, and multiplies by an approximate 1/√. */
function lowerRmsprop(
  emitter: NodeEmitter,
  { rho, epsilon }: RuleOf<"rmsprop">,
  handles: readonly Output[],
  [gradient, rate]: readonly [Output, Output],
): Output {
  const [variable, meanSquare] = handles as [Output, Output];
  const before = emitter.emit("ReadVariableOp", [meanSquare], VARIABLE, "mean_square");
  const square = emitter.float("Square", [gradient], "square");
  const change = emitter.float("Sub", [square, before], "change");
  const share = emitter.float("Mul", [change, emitter.scalar("rate", 1 - rho)], "share");
  const after = emitter.float("AddV2", [before, share], "new_mean_square");
  const sum = emitter.float("AddV2", [after, emitter.scalar("epsilon", epsilon)], "with_epsilon");
  const direction = emitter.float(
    "RealDiv",
    [gradient, emitter.float("Sqrt", [sum], "root")],
    "direction",
  );
  const step = emitter.float("Mul", [direction, rate], "product");
  return emitter.done([
    assign(emitter, meanSquare, after),
    emitter.emitEffect("AssignSubVariableOp", [variable, step], VARIABLE, "step"),
  ]);
}

function assign(emitter: NodeEmitter, variable: Output, value: Output): string {
  return emitter.emitEffect("AssignVariableOp", [variable, value], VARIABLE, "assign");
}
