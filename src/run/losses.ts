// The loss options, the default loss, and the checks that a loss matches the network and the data.
import type { TargetSpec } from "../shared/data/samples.js";
import { TandemError } from "../shared/errors.js";
import type { LossKind } from "../shared/graph/graph.js";
import { findLossProblem } from "../shared/graph/loss.js";
import type { Network } from "../shared/network/network.js";
import { quote } from "../shared/network/problem.js";

export const LOSS_NAMES = [
  "softmax-cross-entropy",
  "binary-cross-entropy",
  "mean-squared-error",
  "mean-absolute-error",
  "huber",
] as const satisfies readonly LossKind["kind"][];
export type LossName = (typeof LOSS_NAMES)[number];

/** A loss: what `softmaxCrossEntropy`, `binaryCrossEntropy`, `meanSquaredError`, … return. */
export interface LossChoice {
  /** Default: by the network's output and the data */
  loss?: LossName;
  labelSmoothing?: number;
  delta?: number;
}

/** What the cross-entropies take. */
export interface CrossEntropyOptions {
  /** The share of each target that is spread evenly over all classes, from 0 to below 1. Default: 0 */
  labelSmoothing?: number;
}

/** For classes: one output for each. */
export function softmaxCrossEntropy(options: CrossEntropyOptions = {}): LossChoice {
  return { loss: "softmax-cross-entropy", ...options };
}

/** For outputs that are 0 or 1 each: two classes with one output, or values from 0 to 1. */
export function binaryCrossEntropy(options: CrossEntropyOptions = {}): LossChoice {
  return { loss: "binary-cross-entropy", ...options };
}

/** The mean of (prediction − target)². */
export function meanSquaredError(): LossChoice {
  return { loss: "mean-squared-error" };
}

/** The mean of |prediction − target|. */
export function meanAbsoluteError(): LossChoice {
  return { loss: "mean-absolute-error" };
}

/** What `huber` takes. */
export interface HuberOptions {
  /** The error at which the loss changes from quadratic to linear. Default: 1 */
  delta?: number;
}

/** Squared near the target, linear beyond `delta` (Huber, 1964). */
export function huber(options: HuberOptions = {}): LossChoice {
  return { loss: "huber", ...options };
}

/** @throws TandemError `usage` if an option does not apply to the loss */
export function resolveLoss(choice: LossChoice, network: Network, target: TargetSpec): LossKind {
  const kind = choice.loss ?? defaultLoss(network, target);
  const { labelSmoothing, delta } = choice;
  const isCrossEntropy = takesLabelSmoothing(kind);
  if (labelSmoothing !== undefined && !isCrossEntropy)
    throw createOptionError("label-smoothing", kind);
  if (delta !== undefined && kind !== "huber") throw createOptionError("huber-delta", kind);
  if (isCrossEntropy) return { kind, labelSmoothing: labelSmoothing ?? 0 };
  return kind === "huber" ? { kind, delta: delta ?? 1 } : { kind };
}

/** Whether the loss is one of the cross-entropies. */
export function takesLabelSmoothing(
  kind: LossName,
): kind is "softmax-cross-entropy" | "binary-cross-entropy" {
  return kind === "softmax-cross-entropy" || kind === "binary-cross-entropy";
}

function createOptionError(option: string, kind: LossName): TandemError {
  return new TandemError(
    "usage",
    `--${option} is not an option of the loss ${kind}. Omit it, or give another --loss.`,
  );
}

function defaultLoss({ layers, outputShape }: Network, target: TargetSpec): LossName {
  if (target.kind === "values") return "mean-squared-error";
  const last = layers.at(-1)?.layer;
  const endsWithSigmoid = last?.kind === "activation" && last.activation === "sigmoid";
  const hasOneOutput = outputShape.length === 1 && outputShape[0] === 1;
  const isBinary = endsWithSigmoid || (hasOneOutput && target.count === 2);
  return isBinary ? "binary-cross-entropy" : "softmax-cross-entropy";
}

/** @throws TandemError `loss`, naming the network's last layer, where network, loss and targets do not belong together */
export function checkLoss(network: Network, loss: LossKind, target: TargetSpec): void {
  const lastName = network.layers.at(-1)?.name ?? "";
  const refuse = (sentence: string) =>
    new TandemError("loss", `The network's last layer ${quote(lastName)}: ${sentence}`);
  const problem = findLossProblem(network, loss);
  if (problem !== undefined) throw refuse(problem);
  const outputCount = network.outputShape[0] ?? 0;
  const outputs = `it has ${outputCount} output${outputCount === 1 ? "" : "s"}`;
  if (target.kind === "values") {
    if (loss.kind === "softmax-cross-entropy") {
      throw refuse("the loss softmax-cross-entropy takes classes, but the targets are values.");
    }
    if (outputCount === target.count) return;
    throw refuse(
      `${outputs}, but the data has targets of ${target.count} value${target.count === 1 ? "" : "s"}. Give it the same number of outputs.`,
    );
  }
  const isOneOfTwo = outputCount === 1 && target.count === 2;
  if (isOneOfTwo && loss.kind !== "softmax-cross-entropy") return;
  if (outputCount === target.count) return;
  throw refuse(
    `${outputs}, but the data has ${target.count} classes. Give it the same number of outputs.`,
  );
}
