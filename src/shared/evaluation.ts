// A data set in pieces for inference, and the accuracy over all of them. The pieces are the same for every run, so accuracy
// and loss are too, whoever infers which piece.
import { type ImageShape, type Samples, sliced } from "./data/dataset.js";
import type { EvaluationResult } from "./model/values.js";

/** As fast as larger pieces on one thread (docs/performance.md), and small enough to spread evenly over workers. */
const PIECE_SAMPLES = 250;

export interface Accuracy {
  /** Share of the samples whose class was found. */
  accuracy: number;
  /** Mean cross-entropy. */
  loss: number;
  count: number;
}

export function evaluationPieces(samples: Samples, image: ImageShape): Samples[] {
  const pieces: Samples[] = [];
  for (let from = 0; from < samples.count; from += PIECE_SAMPLES) {
    pieces.push(sliced(samples, from, Math.min(from + PIECE_SAMPLES, samples.count), image));
  }
  return pieces;
}

/** @param pieces each with its result, in one fixed order */
export function accuracyOf(
  pieces: readonly { samples: Samples; result: EvaluationResult }[],
): Accuracy {
  let correct = 0;
  let count = 0;
  let lossSum = 0;
  for (const { samples, result } of pieces) {
    result.predictions.forEach((prediction, index) => {
      if (prediction === samples.labels[index]) correct++;
    });
    count += samples.count;
    lossSum += result.lossSum;
  }
  return { accuracy: correct / count, loss: lossSum / count, count };
}
