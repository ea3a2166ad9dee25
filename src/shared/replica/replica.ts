// One process's copy of the training state: weights and population statistics, with which shards and evaluations are computed.
// The coordinator has one, and so does each worker.
import type { Feed, Session } from "../engine/engine.js";
import type { NetworkGraph } from "../graph/network-graph.js";
import type { RunLayout } from "../run-layout.js";
import type { Population } from "./population.js";

export interface Replica {
  readonly layout: RunLayout;
  readonly graph: NetworkGraph;
  readonly session: Session;
  readonly population: Population;
  /** How many steps the state has completed. */
  readonly step: number;
  /** Feeds that every run on this replica needs in place of the graph's variables. */
  weightFeeds(): Feed[];
}
