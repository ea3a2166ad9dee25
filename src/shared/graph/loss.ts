// Which losses fit a network's output, and what the network computes for them. Losses of classes take logits (more precise than
// the logarithm of a probability), so the softmax or sigmoid of the last layer is left out of training. Pure.
import type { Network } from "../network/network.js";
import type { GraphBuilder } from "./builder.js";
import type { LossKind, Value } from "./graph.js";

/** A loss as a run's configuration holds it. */
export type LossSpec = LossKind;

/** @returns in one sentence why a network cannot be trained with a loss; undefined where it can */
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

/** Whether the last layer is left out up to the predictions that the loss takes. */
export function isLastLayerSkipped(network: Network, loss: LossKind): boolean {
  return (
    endsWithSoftmax(network) || (endsWithSigmoid(network) && loss.kind === "binary-cross-entropy")
  );
}

/** @returns the probabilities of logits; undefined where the loss is not one of classes */
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
