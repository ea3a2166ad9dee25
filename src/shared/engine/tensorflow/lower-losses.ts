// Losses as TensorFlow nodes. Each function returns the losses [N] and their gradient with respect to the predictions. Pure.
import type { LossKind } from "../../graph/graph.js";
import { NumberType, type Output } from "./graph-def.js";
import { FLOAT, type NodeEmitter, outputAt } from "./node-emitter.js";

/** @param columns number of classes or values per prediction */
export function lowerLoss(
  emitter: NodeEmitter,
  loss: LossKind,
  [predictions, targets]: readonly [Output, Output],
  columns: number,
): Output[] {
  switch (loss.kind) {
    case "softmax-cross-entropy":
      return lowerSoftmaxCrossEntropy(emitter, loss.labelSmoothing, predictions, targets, columns);
    case "binary-cross-entropy":
      return lowerBinaryCrossEntropy(emitter, loss.labelSmoothing, predictions, targets, columns);
    case "mean-squared-error":
    case "mean-absolute-error":
    case "huber": {
      const difference = emitter.float("Sub", [predictions, targets], "difference");
      const [values, derivative] = lowerDistance(emitter, loss, difference);
      return [meanOf(emitter, values), dividedBy(emitter, derivative, columns)];
    }
    default:
      return loss satisfies never;
  }
}

/** Label smoothing as in Keras: the label's class gets 1 − s + s/C, the others s/C. */
function lowerSoftmaxCrossEntropy(
  emitter: NodeEmitter,
  smoothing: number,
  logits: Output,
  labels: Output,
  classes: number,
): Output[] {
  if (smoothing === 0) {
    const attributes = { ...FLOAT, Tlabels: { type: NumberType.int32 } };
    const losses = emitter.emit(
      "SparseSoftmaxCrossEntropyWithLogits",
      [logits, labels],
      attributes,
    );
    return [losses, outputAt(losses, 1)];
  }
  const inputs = [
    labels,
    emitter.constant("classes", [], Int32Array.of(classes)),
    emitter.scalar("label_share", 1 - smoothing + smoothing / classes),
    emitter.scalar("other_share", smoothing / classes),
  ];
  const attributes = { ...FLOAT, TI: { type: NumberType.int32 }, axis: { integer: -1 } };
  const targets = emitter.emit("OneHot", inputs, attributes, "targets");
  const losses = emitter.float("SoftmaxCrossEntropyWithLogits", [logits, targets]);
  return [losses, outputAt(losses, 1)];
}

/** max(x, 0) − x·t + log(1 + exp(−|x|)), and σ(x) − t; label smoothing as in Keras: t·(1 − s) + s/2 */
function lowerBinaryCrossEntropy(
  emitter: NodeEmitter,
  smoothing: number,
  logits: Output,
  labels: Output,
  columns: number,
): Output[] {
  let targets = labels;
  if (smoothing !== 0) {
    const shrunk = emitter.float(
      "Mul",
      [labels, emitter.scalar("shrink", 1 - smoothing)],
      "shrunk",
    );
    targets = emitter.float("AddV2", [shrunk, emitter.scalar("half", smoothing / 2)], "targets");
  }
  const positive = emitter.float("Relu", [logits], "positive");
  const linear = emitter.float(
    "Sub",
    [positive, emitter.float("Mul", [logits, targets], "product")],
    "linear",
  );
  const magnitude = emitter.float("Abs", [logits], "magnitude");
  const exp = emitter.float("Exp", [emitter.float("Neg", [magnitude], "negative")], "exp");
  const values = emitter.float("AddV2", [linear, emitter.float("Log1p", [exp], "log")], "values");
  const sigmoid = emitter.float("Sigmoid", [logits], "sigmoid");
  const derivative = emitter.float("Sub", [sigmoid, targets], "derivative");
  return [meanOf(emitter, values), dividedBy(emitter, derivative, columns)];
}

/** The distance of each value, and its derivative. */
function lowerDistance(
  emitter: NodeEmitter,
  loss: Extract<LossKind, { kind: "mean-squared-error" | "mean-absolute-error" | "huber" }>,
  difference: Output,
): [values: Output, derivative: Output] {
  switch (loss.kind) {
    case "mean-squared-error":
      return [
        emitter.float("Square", [difference], "values"),
        emitter.float("AddV2", [difference, difference], "derivative"),
      ];
    case "mean-absolute-error":
      return [
        emitter.float("Abs", [difference], "values"),
        emitter.float("Sign", [difference], "derivative"),
      ];
    case "huber": {
      // With q = min(|d|, δ) the loss is q·(|d| − q/2) on both sides of δ.
      const delta = emitter.scalar("delta", loss.delta);
      const magnitude = emitter.float("Abs", [difference], "magnitude");
      const clipped = emitter.float("Minimum", [magnitude, delta], "clipped");
      const half = emitter.float("Mul", [clipped, emitter.scalar("half", 0.5)], "half_clipped");
      const rest = emitter.float("Sub", [magnitude, half], "rest");
      return [
        emitter.float("Mul", [clipped, rest], "values"),
        emitter.float("Mul", [clipped, emitter.float("Sign", [difference], "sign")], "derivative"),
      ];
    }
    default:
      return loss satisfies never;
  }
}

function meanOf(emitter: NodeEmitter, values: Output): Output {
  return emitter.reduce("Mean", values, [1]);
}

function dividedBy(emitter: NodeEmitter, derivative: Output, columns: number): Output {
  return emitter.float("RealDiv", [derivative, emitter.scalar("columns", columns)], "gradient");
}
