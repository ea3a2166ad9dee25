// Losses of the float64 reference: of each sample, and the gradient by its predictions.
import type { LossKind } from "../../../src/shared/graph/graph.js";
import { sigmoid } from "./activations.js";
import { type ReferenceTensor, tensorOf } from "./tensor.js";

interface SampleLoss {
  loss: number;
  gradient: number[];
}

/** @param targets labels [N], or as many as there are predictions */
export function loss(
  kind: LossKind,
  predictions: ReferenceTensor,
  targets: ReferenceTensor,
): ReferenceTensor[] {
  const [samples, columns] = predictions.shape as [number, number];
  const width = targets.values.length / samples;
  const results = Array.from({ length: samples }, (_, n) =>
    sampleLoss(
      kind,
      [...predictions.values.subarray(n * columns, (n + 1) * columns)],
      [...targets.values.subarray(n * width, (n + 1) * width)],
    ),
  );
  return [
    tensorOf(
      [samples],
      results.map((result) => result.loss),
    ),
    tensorOf(
      predictions.shape,
      results.flatMap(({ gradient }) => gradient),
    ),
  ];
}

function sampleLoss(kind: LossKind, predictions: number[], targets: number[]): SampleLoss {
  switch (kind.kind) {
    case "softmax-cross-entropy": {
      const shares = smoothLabel(targets[0]!, predictions.length, kind.labelSmoothing);
      const logarithms = logSoftmax(predictions);
      return {
        loss: -sum(logarithms.map((value, c) => value * shares[c]!)),
        gradient: logarithms.map((value, c) => Math.exp(value) - shares[c]!),
      };
    }
    case "binary-cross-entropy": {
      const smooth = targets.map((t) => t * (1 - kind.labelSmoothing) + kind.labelSmoothing / 2);
      return meanLoss(predictions, smooth, (x, t) => ({
        // −t·log σ(x) − (1 − t)·log(1 − σ(x))
        value: Math.max(x, 0) - x * t + Math.log1p(Math.exp(-Math.abs(x))),
        derivative: sigmoid(x) - t,
      }));
    }
    case "mean-squared-error":
      return meanLoss(predictions, targets, (p, t) => ({
        value: (p - t) ** 2,
        derivative: 2 * (p - t),
      }));
    case "mean-absolute-error":
      return meanLoss(predictions, targets, (p, t) => ({
        value: Math.abs(p - t),
        derivative: Math.sign(p - t),
      }));
    case "huber": {
      const { delta } = kind;
      return meanLoss(predictions, targets, (p, t) => {
        const d = p - t;
        if (Math.abs(d) <= delta) return { value: d ** 2 / 2, derivative: d };
        return {
          value: delta * Math.abs(d) - delta ** 2 / 2,
          derivative: delta * Math.sign(d),
        };
      });
    }
    default:
      return kind satisfies never;
  }
}

function meanLoss(
  predictions: number[],
  targets: number[],
  distance: (prediction: number, target: number) => { value: number; derivative: number },
): SampleLoss {
  const distances = predictions.map((prediction, k) => distance(prediction, targets[k]!));
  return {
    loss: sum(distances.map(({ value }) => value)) / predictions.length,
    gradient: distances.map(({ derivative }) => derivative / predictions.length),
  };
}

/** Keras's: 1 − s + s/C for the label's class, s/C for the others. */
function smoothLabel(label: number, classes: number, smoothing: number): number[] {
  return Array.from({ length: classes }, (_, c) => {
    return (c === label ? 1 - smoothing : 0) + smoothing / classes;
  });
}

function logSoftmax(logits: number[]): number[] {
  const largest = Math.max(...logits);
  const total = Math.log(sum(logits.map((logit) => Math.exp(logit - largest))));
  return logits.map((logit) => logit - largest - total);
}

export function softmax(x: ReferenceTensor): ReferenceTensor {
  const channels = x.shape.at(-1)!;
  const rows = Array.from({ length: x.values.length / channels }, (_, row) =>
    logSoftmax([...x.values.subarray(row * channels, (row + 1) * channels)]).map(Math.exp),
  );
  return tensorOf(x.shape, rows.flat());
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
