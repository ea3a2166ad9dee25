// What people call the losses. In a file of its own because the page loads it. Pure.
import type { LossKind } from "../../shared/graph/graph.js";

export const LOSS_NAMES: Readonly<Record<LossKind["kind"], string>> = {
  "softmax-cross-entropy": "softmax cross-entropy",
  "binary-cross-entropy": "binary cross-entropy",
  "mean-squared-error": "mean squared error",
  "mean-absolute-error": "mean absolute error",
  huber: "Huber loss",
};
