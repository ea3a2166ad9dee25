// Combines the shards' results into the step's update. Gradients are summed in a fixed tree over the shards, never in order
// of arrival, so the bits of the result do not depend on which worker computed what. Pure.
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
 * Sums the gradients of the named parameters over all shards.
 * @param shards gradients per shard, in shard order
 * @param dense the dense gradients, when `shards` lacks some of them because a relay has already summed them
 * @throws RangeError if a shard has no gradient for a parameter
 */
export function sumGradients(
  names: readonly string[],
  shards: readonly Gradients[],
  dense: GradientTree = GradientTree.of(shards),
): Map<string, Gradient> {
  if (shards.length === 0) throw new RangeError("no shards to sum");
  return new Map(
    names.map((name): [string, Gradient] => {
      if (shards[0]?.get(name)?.form === "factors") return [name, stackFactors(name, shards)];
      return [name, { form: "dense", values: dense.sum(name, 0, shards.length) }];
    }),
  );
}

/** Stacks factors in shard order; multiplying them sums the shards' products. */
function stackFactors(name: string, shards: readonly Gradients[]): Gradient {
  return { form: "factors", shards: shards.flatMap((own) => factorsOf(valueOf(own, name))) };
}

function factorsOf(gradient: Gradient): readonly Factors[] {
  if (gradient.form !== "factors") throw new RangeError("gradients of different forms");
  return gradient.shards;
}

/** The step's loss: the shards' losses added in shard order, in float64. */
export function sumLosses(results: readonly ShardResult[]): number {
  return results.reduce((total, { loss }) => total + loss, 0);
}

/**
 * Updates the moving average of the population statistics of all trained batch-norm layers. The average starts at mean 0 and
 * variance 1; if the configuration sets `population`, the bias towards these initial values is corrected. (`exact` statistics
 * are computed after training; until then, evaluations use this average.)
 * @param results one per shard
 * @param step number of completed steps
 * @param population the statistics before the step; not modified
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
  if (value === undefined) throw new RangeError(`result has no ${name}`);
  return value;
}
