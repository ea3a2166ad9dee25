// The parts of `sum`: the dense gradients of a bucket, summed over some shards. Pure.
import { type ParameterSpec, sizeOf } from "../../network/network.js";
import type { GradientTree } from "../../replica/gradient-tree.js";
import type { Gradient } from "../../replica/tensors.js";
import type { RunLayout } from "../../run-layout.js";
import { bucketParameters } from "./gradients.js";
import { PartReader } from "./part-reader.js";

/** All parameters of the bucket but those whose gradients are sent as factors. */
export function denseParameters(
  layout: Pick<RunLayout, "buckets" | "factored">,
  bucket: number,
): ParameterSpec[] {
  return bucketParameters(layout, bucket).filter(({ name }) => !layout.factored.has(name));
}

/** @param from first shard of a node of the tree whose sum is complete */
export function sumParts(
  layout: RunLayout,
  bucket: number,
  tree: GradientTree,
  from: number,
  count: number,
): ArrayBufferView[] {
  return denseParameters(layout, bucket).map(({ name }) => tree.sum(name, from, count));
}

/** @throws FrameError if the parts do not fit the bucket */
export function readSum(
  layout: RunLayout,
  bucket: number,
  parts: readonly Uint8Array[],
): Map<string, Gradient> {
  const reader = new PartReader(parts);
  const sums = new Map(
    denseParameters(layout, bucket).map(({ name, shape }): [string, Gradient] => [
      name,
      { form: "dense", values: reader.floats(sizeOf(shape), name) },
    ]),
  );
  reader.end();
  return sums;
}
