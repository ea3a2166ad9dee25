// Elementwise ops as launches (assembly/pointwise.ts, assembly/activations.ts). Pure.
import { sizeOf } from "../../network/network.js";
import type { ActivationKind } from "../../network/spec.js";
import type { Launch, Lowering, Operand } from "./launch.js";

/** Values per part of a pointwise kernel. */
const POINTWISE_PART = 1024;

/** The index is the number of the activation in the kernels. */
const ACTIVATIONS: readonly ActivationKind[] = [
  ...(["relu", "relu6", "leaky-relu", "elu", "gelu", "gelu-tanh"] as const),
  ...(["silu", "sigmoid", "tanh"] as const),
];

/** The kernel's arguments are `args`, the length, and `rest`. */
export function launchPointwise(
  kernel: string,
  length: number,
  args: readonly number[],
  rest: readonly number[] = [],
): Launch {
  return { kernel, parts: Math.ceil(length / POINTWISE_PART), args: [...args, length, ...rest] };
}

export const lowerAdd: Lowering<"add"> = (_op, { inputs: [a, b], outputs: [out] }) => [
  launchPointwise("add", sizeOf(out!.shape), pointersOf([out!, a!, b!])),
];

export const lowerMultiply: Lowering<"multiply"> = (_op, { inputs: [a, b], outputs: [out] }) => {
  const isScalar = b!.shape.length === 0 && a!.shape.length > 0;
  const kernel = isScalar ? "multiplyByScalar" : "multiply";
  return [launchPointwise(kernel, sizeOf(out!.shape), pointersOf([out!, a!, b!]))];
};

export const lowerActivation: Lowering<"activation"> = (
  { activation, alpha },
  { inputs: [x], outputs: [y] },
) => {
  const args = [ACTIVATIONS.indexOf(activation), ...pointersOf([y!, x!])];
  return [launchPointwise("activate", sizeOf(x!.shape), args, [alpha])];
};

export const lowerActivationGradient: Lowering<"activation-gradient"> = (
  { activation, alpha },
  { inputs: [dy, x, y], outputs: [dx] },
) => {
  const args = [ACTIVATIONS.indexOf(activation), ...pointersOf([dx!, dy!, x!, y!])];
  return [launchPointwise("activateGradient", sizeOf(x!.shape), args, [alpha])];
};

export function pointersOf(operands: readonly Operand[]): number[] {
  return operands.map(({ pointer }) => pointer);
}
