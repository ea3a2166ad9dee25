// The parts of a relay for one run, without sockets: the pool and the broadcast for its workers' sessions, and the runtime for its
// own connection to the coordinator.
import { NO_COORDINATOR, type Refusal } from "../coordinator/workers/handshake.js";
import { NumericsCheck } from "../coordinator/workers/numerics-check.js";
import type { BroadcastKind } from "../shared/config.js";
import type { Events } from "../shared/events.js";
import type { RunLayout } from "../shared/run-layout.js";
import type { Reply } from "../worker/worker-runtime.js";
import type { Send } from "./relay-answers.js";
import type { RelayBroadcast } from "./relay-broadcast.js";
import { RelayPool } from "./relay-pool.js";
import { RelayRuntime } from "./relay-runtime.js";
import { RelayedUpdates } from "./relayed-updates.js";
import { RelayedWeights } from "./relayed-weights.js";

export interface RelayParts {
  pool: RelayPool;
  broadcast: RelayBroadcast;
  /** Refuses workers whose results would differ, as the coordinator does. */
  numerics: NumericsCheck;
  runtime: RelayRuntime;
  /** Refuses relays while there is no coordinator. */
  relayRefusal: () => Refusal | undefined;
}

/** @param onCoordinatorLost called after the coordinator's tasks have been dropped */
export function createRelayParts(
  layout: RunLayout,
  kind: BroadcastKind,
  events: Events,
  onCoordinatorLost: () => void = () => undefined,
): RelayParts {
  /** Sends to the coordinator; undefined without one. */
  let uplink: ((reply: Reply) => void) | undefined;
  const send: Send = (message, parts = []) => uplink?.({ message, parts });
  const broadcast: RelayBroadcast =
    kind === "updates" ? new RelayedUpdates(layout, send) : new RelayedWeights(layout);
  const pool = new RelayPool({
    ...{ events, layout, send },
    onShard: (owner, shard, gradients) => broadcast.takeAnswer(owner, shard, gradients),
  });
  const { config } = layout;
  const step = () => broadcast.step;
  const numerics = new NumericsCheck({ config, events, isMixedAllowed: false, step });
  const onUplink = (own: typeof uplink) => (uplink = own);
  const runtime = new RelayRuntime({ layout, kind, pool, broadcast, onUplink, onCoordinatorLost });
  const relayRefusal = () => (uplink ? undefined : NO_COORDINATOR);
  return { pool, broadcast, numerics, runtime, relayRefusal };
}
