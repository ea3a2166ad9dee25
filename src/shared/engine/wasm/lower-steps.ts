// The optimizers' steps and the limit of the gradients' norm as launches (assembly/steps.ts). Pure.
import type { EffectOp } from "../../graph/op-variables.js";
import { sizeOf } from "../../network/network.js";
import type { Launch, Lowering, NodeMemory } from "./launch.js";
import { launchPointwise, pointersOf } from "./lower-pointwise.js";

/** Values in a part of `addSquares`. */
const SQUARES_PART = 4096;
const DOUBLE_BYTES = 8;

/** @param memory its outputs are the changed variables */
export function lowerEffect(op: EffectOp, { inputs, outputs }: NodeMemory): Launch[] {
  const length = sizeOf(outputs[0]!.shape);
  const pointers = pointersOf([...outputs, ...inputs]);
  switch (op.kind) {
    case "scale-variable":
      return [launchPointwise("scaleVariable", length, pointers)];
    case "sgd-step":
      return [launchPointwise("sgdStep", length, pointers)];
    case "momentum-step":
      return [launchPointwise("momentumStep", length, pointers, [op.momentum])];
    case "adam-step": {
      const shares = [1 - op.beta1, 1 - op.beta2];
      return [launchPointwise("adamStep", length, pointers, [...shares, op.epsilon])];
    }
    case "rmsprop-step":
      return [launchPointwise("rmspropStep", length, pointers, [1 - op.rho, op.epsilon])];
    default:
      return op satisfies never;
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
