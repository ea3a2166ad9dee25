// The order in which the statistics of the whole training set are computed. In inference, a batch-norm layer's input depends on
// the statistics of earlier layers, so those must be known first. Pure.
import { type Network, type StatisticsSpec, trainedStatistics } from "../network/network.js";

/**
 * The trainable batch-norm layers in groups. Each group is one pass over the training set: its layers depend only on layers of
 * earlier groups.
 */
export function populationPasses(network: Network): StatisticsSpec[][] {
  const trained = new Map(trainedStatistics(network).map((spec) => [spec.name, spec]));
  /** By layer: the number of trainable batch-norm layers on the longest path to its output. */
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
