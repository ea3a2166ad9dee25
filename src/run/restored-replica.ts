// Restores a checkpoint's network for inference.
import type { Checkpoint } from "../shared/checkpoint/checkpoint.js";
import type { EngineSpec } from "../shared/config.js";
import { openEngine } from "../shared/engine/open-engine.js";
import { stateLayout } from "../shared/replica/state-layout.js";
import { WeightsReplica } from "../shared/replica/weights-replica.js";
import { layoutOfRun } from "../shared/run-layout.js";

/** The caller must dispose of the replica. */
export function restoreReplica(
  { config, tensors, step }: Checkpoint,
  engine: EngineSpec,
): WeightsReplica {
  const layout = layoutOfRun(config);
  const replica = new WeightsReplica(layout, openEngine(engine));
  const names = new Set(stateLayout(layout, "weights-only").map(({ name }) => name));
  const weights = tensors.filter(({ name }) => names.has(name));
  replica.load(weights, step);
  return replica;
}
