// Softmax and losses as launches (assembly/losses.ts). Pure.
import { sizeOf } from "../../network/network.js";
import type { LossKind } from "../../graph/graph.js";
import type { Lowering } from "./launch.js";
import { pointersOf } from "./lower-pointwise.js";

export const lowerSoftmax: Lowering<"softmax"> = (_op, { inputs: [x], outputs: [y] }) => {
  const columns = x!.shape.at(-1)!;
  const parts = sizeOf(x!.shape) / columns;
  return [{ kernel: "softmax", parts, args: [...pointersOf([y!, x!]), columns] }];
};

export const lowerLoss: Lowering<"loss"> = (
  { loss },
  { inputs: [predictions, targets], outputs: [losses, gradient] },
) => {
  const [samples, columns] = predictions!.shape as [number, number];
  const { kernel, parameters } = kernelOf(loss);
  const pointers = pointersOf([losses!, gradient!, predictions!, targets!]);
  return [{ kernel, parts: samples, args: [...pointers, columns, ...parameters] }];
};

function kernelOf(loss: LossKind): { kernel: string; parameters: number[] } {
  switch (loss.kind) {
    case "softmax-cross-entropy":
      return { kernel: "softmaxCrossEntropy", parameters: [loss.labelSmoothing] };
    case "binary-cross-entropy":
      return { kernel: "binaryCrossEntropy", parameters: [loss.labelSmoothing] };
    case "mean-squared-error":
      return { kernel: "meanSquaredError", parameters: [] };
    case "mean-absolute-error":
      return { kernel: "meanAbsoluteError", parameters: [] };
    case "huber":
      return { kernel: "huber", parameters: [loss.delta] };
    default:
      return loss satisfies never;
  }
}
