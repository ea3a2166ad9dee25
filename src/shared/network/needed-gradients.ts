// Which gradients the backward pass computes. Pure.
import type { Network } from "./network.js";

/**
 * The layers with trainable parameters, and all layers that depend on them: only the gradients of their outputs are computed.
 */
export function findNeededGradients({
  layers,
  parameters,
}: Pick<Network, "layers" | "parameters">): Set<string> {
  const needed = new Set<string>();
  const trained = new Set(
    parameters
      .filter(({ trainable }) => trainable)
      .map(({ name }) => name.slice(0, name.lastIndexOf("/"))),
  );
  for (const { name, inputs } of layers) {
    if (trained.has(name) || inputs.some((input) => needed.has(input))) needed.add(name);
  }
  return needed;
}
