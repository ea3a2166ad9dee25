// Which losses fit a network's output, and what the network computes for them. Classification losses take logits, which is more
// precise than the logarithm of a probability, so training skips a softmax or sigmoid in the last layer. Pure.
import type { Network } from "../network/network.js";
import type { GraphBuilder } from "./builder.js";
import type { LossKind, Value } from "./graph.js";

/** A loss as a run's configuration holds it. */
export type LossSpec = LossKind;

/** @returns why the network cannot be trained with the loss, in one sentence; undefined if it can */
export function findLossProblem(network: Network, loss: LossKind): string | undefined {
  if (network.outputShape.length !== 1) {
    return `A loss takes one row of values per sample; the network's output is [${network.outputShape.join(", ")}].`;
  }
  if (endsWithSoftmax(network) && loss.kind !== "softmax-cross-entropy") {
    return `The loss ${loss.kind} does not fit a network that ends with softmax; softmax-cross-entropy does.`;
  }
  if (endsWithSigmoid(network) && loss.kind === "softmax-cross-entropy") {
    return "The loss softmax-cross-entropy does not fit a network that ends with sigmoid; binary-cross-entropy does.";
  }
  return undefined;
}

/** Whether the loss takes the input of the last layer in place of its output. */
export function isLastLayerSkipped(network: Network, loss: LossKind): boolean {
  return (
    endsWithSoftmax(network) || (endsWithSigmoid(network) && loss.kind === "binary-cross-entropy")
  );
}

/** @returns the probabilities of the logits; undefined if the loss is not a classification loss */
export function addProbabilities(
  builder: GraphBuilder,
  logits: Value,
  loss: LossKind,
): Value | undefined {
  switch (loss.kind) {
    case "softmax-cross-entropy":
      return builder.softmax(logits);
    case "binary-cross-entropy":
      return builder.activation(logits, "sigmoid");
    case "mean-squared-error":
    case "mean-absolute-error":
    case "huber":
      return undefined;
  }
}

function endsWithSoftmax(network: Network): boolean {
  return network.layers.at(-1)?.layer.kind === "softmax";
}

function endsWithSigmoid(network: Network): boolean {
  const last = network.layers.at(-1)?.layer;
  return last?.kind === "activation" && last.activation === "sigmoid";
}
