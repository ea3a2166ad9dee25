// Whether a dense kernel's gradient is sent as its factors. Pure.
import type { ParameterSpec } from "./network.js";

/**
 * True if the factors of the largest shard are smaller than their product: for a dense kernel [in × out] and n samples, if
 * n·(in + out) < in·out (the "sufficient factors" of Xie et al., "Lighter-communication distributed machine learning via
 * sufficient factor broadcasting", 2016). It affects how sums are rounded, so it must depend only on the configuration.
 */
export function isFactored(parameter: ParameterSpec, largestShard: number): boolean {
  const [inputs, outputs] = parameter.shape;
  if (!parameter.isDenseKernel || inputs === undefined || outputs === undefined) return false;
  return largestShard * (inputs + outputs) < inputs * outputs;
}
