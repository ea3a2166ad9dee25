// The part of `evaluated`: an int32 class number per sample, or the network's float32 outputs. Pure.
import type { EvaluationResult } from "../../replica/tensors.js";
import { isAllFinite } from "../../replica/finite.js";
import type { RunLayout } from "../../run-layout.js";
import { FrameError } from "../frame.js";
import { PartReader } from "./part-reader.js";

export function evaluationParts({ predictions }: EvaluationResult): ArrayBufferView[] {
  return [predictions];
}

/** @throws FrameError if the parts do not fit the number of samples, or hold invalid predictions */
export function readEvaluation(
  { config, network }: RunLayout,
  sampleCount: number,
  lossSum: number,
  parts: readonly Uint8Array[],
): EvaluationResult {
  const { target } = config.data;
  const reader = new PartReader(parts);
  if (target.kind === "values") {
    const size = network.outputShape[0]!;
    const predictions = reader.floats(sampleCount * size, "predictions");
    reader.end();
    if (!isAllFinite(predictions)) throw new FrameError("a prediction is not finite");
    return { predictions, lossSum };
  }
  const predictions = reader.integers(sampleCount, "predictions");
  reader.end();
  if (predictions.some((value) => value < 0 || value >= target.count)) {
    throw new FrameError("a predicted class does not exist");
  }
  return { predictions, lossSum };
}

/** Bytes of the part. */
export function evaluationBytes({ config, network }: RunLayout, sampleCount: number): number {
  return 4 * sampleCount * (config.data.target.kind === "values" ? network.outputShape[0]! : 1);
}
