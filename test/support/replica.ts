// Replicas of a run in a test's own process.
import type { RunConfig } from "../../src/shared/config.js";
import { openEngine } from "../../src/shared/engine/open-engine.js";
import { NetworkGraph } from "../../src/shared/graph/network-graph.js";
import { initialTensors } from "../../src/shared/network/initial-values.js";
import { sizeOf } from "../../src/shared/network/network.js";
import { stateLayout } from "../../src/shared/replica/state-layout.js";
import { TrainingReplica } from "../../src/shared/replica/training-replica.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";

/** A replica at step 0, with the weights that the configuration's seed gives. */
export function createReplica(config: RunConfig): TrainingReplica {
  const layout = layoutOfRun(config);
  const graph = new NetworkGraph(layout.network, config.loss, config.optimizer);
  const replica = new TrainingReplica(layout, graph, openEngine(config).open(graph.graph));
  const drawn = initialTensors(layout.network, config.seed);
  const names = new Set(drawn.map(({ name }) => name));
  const slots = stateLayout(layout, "with-slots")
    .filter(({ name }) => !names.has(name))
    .map((tensor) => ({ ...tensor, values: new Float32Array(sizeOf(tensor.shape)) }));
  replica.load([...drawn, ...slots], 0);
  return replica;
}
