// Parts of `factors`: the factors of a bucket of another worker's shard. Pure.
import type { Gradient, Gradients } from "../../replica/tensors.js";
import type { RunLayout } from "../../run-layout.js";
import { FrameError } from "../frame.js";
import { gradientParts, readGradients } from "./gradients.js";
import { PartReader } from "./part-reader.js";

/** Whether a bucket has gradients that are carried as factors. */
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
 * @throws FrameError where the parts cannot be the bucket's factors
 */
export function readFactors(
  layout: RunLayout,
  bucket: number,
  rows: number,
  parts: readonly Uint8Array[],
): Map<string, Gradient> {
  const reader = new PartReader(parts);
  const gradients = readGradients(reader, layout, factoredParameters(layout, bucket), [rows]);
  reader.end();
  return gradients;
}

function factoredParameters(
  { buckets, factored }: RunLayout,
  bucket: number,
): RunLayout["buckets"][number] {
  const parameters = buckets[bucket];
  if (!parameters) throw new FrameError(`gradient bucket ${bucket} of ${buckets.length}`);
  return parameters.filter(({ name }) => factored.has(name));
}
