// Replicas of a run in the test's own process.
import type { RunConfig } from "../../src/shared/config.js";
import { openEngine } from "../../src/shared/engine/open-engine.js";
import { initialTensors } from "../../src/shared/network/initial-values.js";
import { numericsFingerprint } from "../../src/shared/replica/fingerprint.js";
import { withEmptySlots } from "../../src/shared/replica/initial-state.js";
import { TrainingReplica } from "../../src/shared/replica/training-replica.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";

/** The configuration with the fingerprint of its engine in this process. */
export function withNumerics(config: RunConfig): RunConfig {
  const numerics = numericsFingerprint(layoutOfRun(config), openEngine(config.engine));
  return { ...config, numerics };
}

/** A replica at step 0, with the weights that the configuration's seed gives. */
export function createReplica(config: RunConfig): TrainingReplica {
  const layout = layoutOfRun(config);
  const replica = new TrainingReplica(layout, openEngine(config.engine));
  replica.load(withEmptySlots(layout, initialTensors(layout.network, config.seed)), 0);
  return replica;
}
