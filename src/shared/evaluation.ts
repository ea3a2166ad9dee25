// Splits a set of samples into evaluation batches, and computes metrics over all of them. The batches depend only on the
// number of samples, so the metrics do not depend on which worker evaluates which batch. Pure.
import type { Samples } from "./data/samples.js";
import type { EvaluationResult } from "./replica/tensors.js";

/** As fast as larger batches on one thread (docs/lab-notebook.md), and small enough to spread evenly over workers. */
export const MAX_EVALUATION_SAMPLES = 250;

export interface Metrics {
  /** Fraction of the samples that were classified correctly; undefined if targets are values. */
  accuracy?: number;
  /** The mean over the samples. */
  loss: number;
  count: number;
}

export function countBatches(sampleCount: number): number {
  return Math.ceil(sampleCount / MAX_EVALUATION_SAMPLES);
}

/** Sample indices of each batch, for the batches `first` … `end` − 1. */
export function evaluationBatches(
  sampleCount: number,
  first = 0,
  end = countBatches(sampleCount),
): Uint32Array[] {
  const count = Math.max(0, Math.min(end, countBatches(sampleCount)) - first);
  return Array.from({ length: count }, (_, batch) => {
    const from = (first + batch) * MAX_EVALUATION_SAMPLES;
    const length = Math.min(MAX_EVALUATION_SAMPLES, sampleCount - from);
    return Uint32Array.from({ length }, (_, index) => from + index);
  });
}

/** @param batches in a fixed order: the losses are added up in it */
export function metricsOf(
  batches: readonly { samples: Samples; result: EvaluationResult }[],
): Metrics {
  let correctCount = 0;
  let count = 0;
  let lossSum = 0;
  let hasClasses = true;
  for (const { samples, result } of batches) {
    const { predictions } = result;
    if (predictions instanceof Int32Array) {
      predictions.forEach((prediction, index) => {
        if (prediction === samples.targets[index]) correctCount++;
      });
    } else {
      hasClasses = false;
    }
    count += samples.count;
    lossSum += result.lossSum;
  }
  const accuracy = hasClasses ? { accuracy: correctCount / count } : {};
  return { ...accuracy, loss: lossSum / count, count };
}
