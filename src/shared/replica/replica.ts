// The state of the training in one process: weights and population statistics, on which shards and evaluations are
// computed. The coordinator has one, and so has each worker.
import type { Feed, Session } from "../engine/engine.js";
import type { NetworkGraph } from "../graph/network-graph.js";
import type { RunLayout } from "../run-layout.js";
import type { Population } from "./population.js";

export interface Replica {
  readonly layout: RunLayout;
  readonly graph: NetworkGraph;
  readonly session: Session;
  readonly population: Population;
  /** Steps behind the state. */
  readonly step: number;
  /** What every run on this replica's weights is fed in the places of the graph's variables. */
  weightFeeds(): Feed[];
}
