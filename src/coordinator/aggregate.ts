// The shards' results → the step's update. Everything is combined in a fixed tree over the shards, never in the order of
// arrival, so the result is the same bits whoever computed what. Pure.
import { trainedStatistics } from "../shared/network/network.js";
import { GradientTree } from "../shared/replica/gradient-tree.js";
import type { Factors, Gradient, Gradients, ShardResult } from "../shared/replica/tensors.js";
import type { RunLayout } from "../shared/run-layout.js";
import {
  correctedMomentum,
  mergeMoments,
  nextPopulation,
  type PopulationStatistics,
} from "../shared/statistics/moments.js";

/**
 * The step's gradients of some parameters.
 * @param shards those of each shard, in the order of the shards
 * @param dense where dense gradients are not with their shards; some may be added up already
 * @throws RangeError where a shard has none of a parameter
 */
export function sumGradients(
  names: readonly string[],
  shards: readonly Gradients[],
  dense: GradientTree = GradientTree.of(shards),
): Map<string, Gradient> {
  if (shards.length === 0) throw new RangeError("a sum of nothing");
  return new Map(
    names.map((name): [string, Gradient] => {
      if (shards[0]?.get(name)?.form === "factors") return [name, stackFactors(name, shards)];
      return [name, { form: "dense", values: dense.sum(name, 0, shards.length) }];
    }),
  );
}

/** Factors are stacked in the order of the shards, as their products are added where they are formed. */
function stackFactors(name: string, shards: readonly Gradients[]): Gradient {
  return { form: "factors", shards: shards.flatMap((own) => factorsOf(valueOf(own, name))) };
}

function factorsOf(gradient: Gradient): readonly Factors[] {
  if (gradient.form !== "factors") throw new RangeError("gradients of different forms");
  return gradient.shards;
}

/** The step's loss: that of the shards in their order, in float64. */
export function sumLosses(results: readonly ShardResult[]): number {
  return results.reduce((total, { loss }) => total + loss, 0);
}

/**
 * The population statistics after the step, of the batch-norm layers that are trained: a moving average. It starts at mean 0
 * and variance 1, or, where `population` is in the configuration, without a bias towards these. (`exact` statistics are
 * computed when the training is over; until then evaluations use this average.)
 * @param results by shard, each exactly once
 * @param step steps before this one
 * @param population the statistics before the step; left as they are
 */
export function aggregatePopulation(
  { network, config }: Pick<RunLayout, "network" | "config">,
  results: readonly ShardResult[],
  step: number,
  population: ReadonlyMap<string, PopulationStatistics>,
): Map<string, PopulationStatistics> {
  const next = new Map<string, PopulationStatistics>();
  const isCorrected = config.population !== undefined;
  for (const { name, momentum: plain } of trainedStatistics(network)) {
    const momentum = isCorrected ? correctedMomentum(plain, step + 1) : plain;
    const batch = mergeMoments(results.map(({ moments }) => valueOf(moments, name)));
    next.set(name, nextPopulation(valueOf(population, name), batch, momentum));
  }
  return next;
}

function valueOf<T>(values: ReadonlyMap<string, T>, name: string): T {
  const value = values.get(name);
  if (value === undefined) throw new RangeError(`a result without ${name}`);
  return value;
}
