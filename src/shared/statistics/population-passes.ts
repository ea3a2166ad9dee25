// In which order the statistics of the whole training set are computed. The input of a batch-norm layer, in inference, depends
// on the statistics of the layers before it, so those must be known first. Pure.
import { type Network, type StatisticsSpec, trainedStatistics } from "../network/network.js";

/**
 * The batch-norm layers that are trained, in groups: each group needs one pass over the training set, in which its layers
 * depend on layers of earlier groups alone.
 */
export function populationPasses(network: Network): StatisticsSpec[][] {
  const trained = new Map(trainedStatistics(network).map((spec) => [spec.name, spec]));
  /** By layer: how many trained batch-norm layers follow each other on the longest way to its output. */
  const depths = new Map<string, number>();
  const passes: StatisticsSpec[][] = [];
  for (const { name, inputs } of network.layers) {
    const before = Math.max(0, ...inputs.map((input) => depths.get(input) ?? 0));
    const spec = trained.get(name);
    depths.set(name, spec ? before + 1 : before);
    if (spec) (passes[before] ??= []).push(spec);
  }
  return passes;
}
