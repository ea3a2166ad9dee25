// The parts of `factors` (the factors of a bucket of another worker's shard), and of `gradients` from relays. Pure.
import type { ParameterSpec } from "../../network/network.js";
import type { Gradient, Gradients } from "../../replica/tensors.js";
import type { RunLayout } from "../../run-layout.js";
import { bucketParameters, gradientParts, readShardGradients } from "./gradients.js";

/** Whether a bucket has gradients that are sent as factors. */
export function hasFactors(layout: RunLayout, bucket: number): boolean {
  return factoredParameters(layout, bucket).length > 0;
}

export function factorParts(
  layout: RunLayout,
  bucket: number,
  gradients: Gradients,
): ArrayBufferView[] {
  return gradientParts(factoredParameters(layout, bucket), gradients);
}

/**
 * @param rows samples of the shard
 * @throws FrameError if the parts do not fit the bucket's factors
 */
export function readFactors(
  layout: RunLayout,
  bucket: number,
  rows: number,
  parts: readonly Uint8Array[],
): Map<string, Gradient> {
  return readShardGradients(layout, factoredParameters(layout, bucket), rows, parts);
}

export function factoredParameters(layout: RunLayout, bucket: number): ParameterSpec[] {
  return bucketParameters(layout, bucket).filter(({ name }) => layout.factored.has(name));
}
