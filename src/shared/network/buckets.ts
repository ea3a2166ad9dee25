// Gradient buckets: parameters whose gradients are sent together, in the order of the backward pass, as in PyTorch DDP
// (Li et al., "PyTorch Distributed: Experiences on Accelerating Data Parallel Training", 2020). They depend only on the network,
// so the coordinator and the workers have the same buckets. Pure.
import { type Network, type ParameterSpec, sizeOf } from "./network.js";

export interface GradientBucket {
  /** Trainable, in the order of the backward pass. */
  parameters: readonly ParameterSpec[];
  /** Of the gradients, as float32. */
  byteLength: number;
}

/**
 * A bucket is closed when it has this many bytes, as in DDP. The first one is small, so that sending starts early; later ones are
 * large, as each needs a run of the graph.
 */
const FIRST_BUCKET_BYTES = 2 ** 20;
const BUCKET_BYTES = 25 * 2 ** 20;

/** The last bucket may have any size. */
export function gradientBuckets(
  network: Network,
  firstBytes: number = FIRST_BUCKET_BYTES,
  laterBytes: number = BUCKET_BYTES,
): GradientBucket[] {
  const buckets: { parameters: ParameterSpec[]; byteLength: number }[] = [];
  for (const parameter of backwardOrder(network)) {
    let bucket = buckets.at(-1);
    const capBytes = buckets.length <= 1 ? firstBytes : laterBytes;
    if (!bucket || bucket.byteLength >= capBytes) {
      bucket = { parameters: [], byteLength: 0 };
      buckets.push(bucket);
    }
    bucket.parameters.push(parameter);
    bucket.byteLength += 4 * sizeOf(parameter.shape);
  }
  return buckets;
}

/** Trainable parameters from the last layer to the first; within a layer, in the order of `Network.parameters`. */
export function backwardOrder(network: Network): ParameterSpec[] {
  const byLayer = new Map<string, ParameterSpec[]>();
  for (const parameter of network.parameters) {
    if (!parameter.trainable) continue;
    const layer = parameter.name.slice(0, parameter.name.lastIndexOf("/"));
    const parameters = byLayer.get(layer);
    if (parameters) parameters.push(parameter);
    else byLayer.set(layer, [parameter]);
  }
  return [...byLayer.values()].reverse().flat();
}
