// The population statistics of a replica: what inference normalises with. Pure.
import type { StatisticsSpec } from "../network/network.js";
import type { PopulationStatistics } from "../statistics/moments.js";
import { statisticNames } from "./state-layout.js";

export class Population {
  /** By layer. */
  readonly layers: ReadonlyMap<string, PopulationStatistics>;
  private readonly tensors = new Map<string, Float32Array>();

  /** Starts with mean 0 and variance 1. */
  constructor(statistics: readonly StatisticsSpec[]) {
    this.layers = new Map(
      statistics.map(({ name, channels }) => {
        const mean = new Float32Array(channels);
        const variance = new Float32Array(channels).fill(1);
        const names = statisticNames(name);
        this.tensors.set(names.mean, mean).set(names.variance, variance);
        return [name, { mean, variance }];
      }),
    );
  }

  /** @param name LAYER/pop_mean or LAYER/pop_var @returns undefined for any other name */
  tensor(name: string): Float32Array | undefined {
    return this.tensors.get(name);
  }

  set(next: ReadonlyMap<string, PopulationStatistics>): void {
    for (const [name, { mean, variance }] of next) {
      const own = this.layers.get(name);
      if (!own) throw new RangeError(`no statistics ${name} in this network`);
      own.mean.set(mean);
      own.variance.set(variance);
    }
  }
}
