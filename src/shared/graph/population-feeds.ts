// Placeholders for population statistics, added when a layer asks for them. Pure.
import type { StatisticsSpec } from "../network/network.js";
import type { GraphBuilder, MomentValues } from "./builder.js";
import type { Value } from "./graph.js";

export class PopulationFeeds {
  /** By their names in a checkpoint: NAME/pop_mean and NAME/pop_var. */
  readonly values = new Map<string, Value>();
  private readonly builder: GraphBuilder;
  private readonly statistics: readonly StatisticsSpec[];

  constructor(builder: GraphBuilder, statistics: readonly StatisticsSpec[]) {
    this.builder = builder;
    this.statistics = statistics;
  }

  /** @throws RangeError if the layer has no statistics */
  ofLayer(name: string): MomentValues {
    const channels = this.statistics.find((statistics) => statistics.name === name)?.channels;
    if (channels === undefined) throw new RangeError(`no statistics of ${name}`);
    const mean = this.builder.placeholder("pop_mean", [channels]);
    const variance = this.builder.placeholder("pop_var", [channels]);
    this.values.set(`${name}/pop_mean`, mean).set(`${name}/pop_var`, variance);
    return { mean, variance };
  }
}
