// What a network needs of memory at the very least. Pure.
import { type Network, sizeOf } from "../network/network.js";

const FLOAT_BYTES = 4;

/** One copy of the weights. */
export function parameterBytes({ parameters }: Network): number {
  return parameters.reduce((bytes, { shape }) => bytes + FLOAT_BYTES * sizeOf(shape), 0);
}

/** What one sample's forward pass leaves for its backward pass: the output of each layer. */
export function activationBytes({ inputShape, layers }: Network): number {
  const values = layers.reduce((total, { shape }) => total + sizeOf(shape), sizeOf(inputShape));
  return FLOAT_BYTES * values;
}
