// The parts of `gradients`: one bucket of one shard. Pure.
import type { Gradient, Gradients } from "../../replica/tensors.js";
import type { RunLayout } from "../../run-layout.js";
import { bucketParameters, gradientParts, readShardGradients } from "./gradients.js";

export function bucketParts(
  layout: RunLayout,
  bucket: number,
  gradients: Gradients,
): ArrayBufferView[] {
  return gradientParts(bucketParameters(layout, bucket), gradients);
}

/**
 * @param rows samples of the shard
 * @throws FrameError if the parts do not fit the bucket
 */
export function readBucket(
  layout: RunLayout,
  bucket: number,
  rows: number,
  parts: readonly Uint8Array[],
): Map<string, Gradient> {
  return readShardGradients(layout, bucketParameters(layout, bucket), rows, parts);
}
