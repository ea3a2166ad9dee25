// Optimizer steps and gradient clipping as launches (assembly/steps.ts). Pure.
import type { EffectOp } from "../../graph/op-variables.js";
import { sizeOf } from "../../network/network.js";
import type { StepRule } from "../../optimizer/optimizer.js";
import type { Launch, Lowering, NodeMemory } from "./launch.js";
import { launchPointwise, pointersOf } from "./lower-pointwise.js";

/** Values per part of `addSquares`. */
const SQUARES_PART = 4096;
const DOUBLE_BYTES = 8;

/** @param memory its outputs are the variables to change */
export function lowerEffect(op: EffectOp, { inputs, outputs }: NodeMemory): Launch[] {
  const length = sizeOf(outputs[0]!.shape);
  if (op.kind === "scale-variable") {
    const pointers = pointersOf([outputs[0]!, outputs[0]!, inputs[0]!]);
    return [launchPointwise("multiplyByScalar", length, pointers)];
  }
  const pointers = pointersOf([...outputs, ...inputs]);
  const { kernel, numbers } = kernelOf(op.rule);
  return [launchPointwise(kernel, length, pointers, numbers)];
}

function kernelOf(rule: StepRule): { kernel: string; numbers: number[] } {
  switch (rule.kind) {
    case "sgd":
      return { kernel: "sgdStep", numbers: [] };
    case "momentum":
      return { kernel: "momentumStep", numbers: [rule.momentum] };
    case "adam":
      return { kernel: "adamStep", numbers: [1 - rule.beta1, 1 - rule.beta2, rule.epsilon] };
    case "rmsprop":
      return { kernel: "rmspropStep", numbers: [1 - rule.rho, rule.epsilon] };
  }
}

export const lowerSumOfSquares: Lowering<"sum-of-squares"> = (
  _op,
  { inputs: [x], outputs: [out], reserve },
) => {
  const length = sizeOf(x!.shape);
  const parts = Math.ceil(length / SQUARES_PART);
  const partial = reserve(parts * DOUBLE_BYTES);
  return [
    { kernel: "addSquares", parts, args: [partial, x!.pointer, length] },
    { kernel: "finishSquares", parts: 1, args: [out!.pointer, partial, parts] },
  ];
};

export const lowerClipFactor: Lowering<"clip-factor"> = (
  { limit },
  { inputs, outputs: [out], reserve },
) => {
  const sum = reserve(DOUBLE_BYTES);
  return [
    { kernel: "beginClip", parts: 1, args: [sum] },
    ...inputs.map(({ pointer }) => ({ kernel: "addToClip", parts: 1, args: [sum, pointer] })),
    { kernel: "finishClip", parts: 1, args: [out!.pointer, sum, limit] },
  ];
};
