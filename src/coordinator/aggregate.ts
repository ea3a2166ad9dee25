// The shards' results → the step's update. Everything is added in the order of the shards, never of arrival, so the sum is
// the same bits whoever computed what. Pure: no sockets, no tfjs.
import type { Gradient, ShardResult, Update } from "../shared/model/values.js";
import {
  mergedMoments,
  type PopulationStatistics,
  updatePopulation,
} from "../shared/statistics/moments.js";

/**
 * @param results by shard, each exactly once
 * @param population the statistics before the step; left as they are
 * @throws RangeError where the results do not name the same parameters and layers
 */
export function aggregated(
  results: readonly ShardResult[],
  population: ReadonlyMap<string, PopulationStatistics>,
): { loss: number; update: Update } {
  const [first] = results;
  if (!first) throw new RangeError("a step without results");
  const gradients = summedGradients(results.map((result) => result.gradients));
  const next = new Map<string, PopulationStatistics>();
  for (const [name, { mean, variance }] of population) {
    const own = { mean: mean.slice(), variance: variance.slice() };
    updatePopulation(own, mergedMoments(results.map((result) => ofName(result.moments, name))));
    next.set(name, own);
  }
  const loss = results.reduce((total, result) => total + result.loss, 0);
  return { loss, update: { gradients, population: next } };
}

/**
 * @param shards the gradients of each, in the order of the shards
 * @throws RangeError where they do not name the same parameters
 */
export function summedGradients(
  shards: readonly ReadonlyMap<string, Gradient>[],
): Map<string, Gradient> {
  const names = [...(shards[0]?.keys() ?? [])];
  return new Map(names.map((name) => [name, summed(shards.map((own) => ofName(own, name)))]));
}

function ofName<T>(values: ReadonlyMap<string, T>, name: string): T {
  const value = values.get(name);
  if (value === undefined) throw new RangeError(`a result without ${name}`);
  return value;
}

/** Values are added; factors are put side by side, as their products are added where they are formed. */
function summed(parts: readonly Gradient[]): Gradient {
  const [first] = parts;
  if (!first) throw new RangeError("a sum of nothing");
  if (parts.length === 1) return first;
  if (first.form === "factors") {
    const shards = parts.flatMap((part) => {
      if (part.form !== "factors") throw formError();
      return part.shards;
    });
    return { form: "factors", shards };
  }
  const values = first.values.slice();
  for (const part of parts.slice(1)) {
    if (part.form !== "dense" || part.values.length !== values.length) throw formError();
    for (let index = 0; index < values.length; index++) values[index]! += part.values[index]!;
  }
  return { form: "dense", values };
}

function formError(): RangeError {
  return new RangeError("gradients of different forms or sizes");
}
