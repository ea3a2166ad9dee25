// Lower bounds on the memory that a network needs. Pure.
import { type Network, sizeOf } from "../network/network.js";
import type { RunLayout } from "../run-layout.js";

const FLOAT_BYTES = 4;

/** One copy of the weights. */
export function parameterBytes({ parameters }: Network): number {
  return parameters.reduce((bytes, { shape }) => bytes + FLOAT_BYTES * sizeOf(shape), 0);
}

/** What one sample's forward pass keeps for its backward pass: the output of each layer. */
export function activationBytes({ inputShape, layers }: Network): number {
  const values = layers.reduce((total, { shape }) => total + sizeOf(shape), sizeOf(inputShape));
  return FLOAT_BYTES * values;
}

/** Samples that a process may have to hold at a time: with barriers, a lone worker holds all shards of the step. */
export function heldSamples({ config, largestShard, barriers }: RunLayout): number {
  return barriers.length > 0 ? config.batchSize : largestShard;
}
