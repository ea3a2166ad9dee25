// Parts of `gradients`: those of one bucket of one shard. Pure.
import type { Gradient, Gradients } from "../../replica/tensors.js";
import type { RunLayout } from "../../run-layout.js";
import { FrameError } from "../frame.js";
import { gradientParts, readGradients } from "./gradients.js";
import { PartReader } from "./part-reader.js";

export function bucketParts(
  layout: RunLayout,
  bucket: number,
  gradients: Gradients,
): ArrayBufferView[] {
  return gradientParts(bucketParameters(layout, bucket), gradients);
}

/**
 * @param rows samples of the shard
 * @throws FrameError where the parts cannot be the bucket's gradients
 */
export function readBucket(
  layout: RunLayout,
  bucket: number,
  rows: number,
  parts: readonly Uint8Array[],
): Map<string, Gradient> {
  const reader = new PartReader(parts);
  const gradients = readGradients(reader, layout, bucketParameters(layout, bucket), [rows]);
  reader.end();
  return gradients;
}

function bucketParameters({ buckets }: RunLayout, bucket: number): RunLayout["buckets"][number] {
  const parameters = buckets[bucket];
  if (!parameters) throw new FrameError(`gradient bucket ${bucket} of ${buckets.length}`);
  return parameters;
}
