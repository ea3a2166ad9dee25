// Whether a dense kernel's gradient travels as its factors. Pure.
import type { ParameterSpec } from "./network.js";

/**
 * Where the factors of the largest shard are smaller than their product: for a dense kernel [in × out] over n samples
 * n·(in + out) against in·out values (the "sufficient factors" of Xie et al., "Lighter-communication distributed machine
 * learning via sufficient factor broadcasting", 2016). It depends on the configuration alone, as it decides how sums are
 * rounded.
 */
export function isFactored(parameter: ParameterSpec, largestShard: number): boolean {
  const [inputs, outputs] = parameter.shape;
  if (!parameter.isDenseKernel || inputs === undefined || outputs === undefined) return false;
  return largestShard * (inputs + outputs) < inputs * outputs;
}
