// A run with its workers in this process: coordinator and workers speak the protocol over connections in memory.
import { createBroadcast } from "../../src/coordinator/broadcast/create-broadcast.js";
import { CheckpointWriter } from "../../src/coordinator/checkpoint-writer.js";
import { StepPlanner } from "../../src/coordinator/step-plan.js";
import { TrainingLoop } from "../../src/coordinator/training-loop.js";
import { Arbiter } from "../../src/coordinator/workers/arbiter.js";
import { BanList } from "../../src/coordinator/workers/ban-list.js";
import { InProcessWorker } from "../../src/coordinator/workers/in-process-worker.js";
import { NumericsCheck } from "../../src/coordinator/workers/numerics-check.js";
import { SendBudget } from "../../src/coordinator/workers/outbox.js";
import { Pool } from "../../src/coordinator/workers/pool.js";
import { Session } from "../../src/coordinator/workers/session.js";
import { DEFAULT_TIMES } from "../../src/coordinator/workers/session-times.js";
import type { BroadcastKind, RunConfig } from "../../src/shared/config.js";
import type { DataSource } from "../../src/shared/data/samples.js";
import { openEngine } from "../../src/shared/engine/open-engine.js";
import { Events } from "../../src/shared/events.js";
import { ENGINE_NAMES } from "../../src/shared/engine/engine.js";
import type { RunEvent } from "../../src/shared/run-event.js";
import type { RunLayout } from "../../src/shared/run-layout.js";
import { serveConnection } from "../../src/worker/connection.js";
import { WorkerRuntime } from "../../src/worker/worker-runtime.js";
import { temporaryFolder } from "./data.js";
import { createReplica, withNumerics } from "./replica.js";
import { transportPair } from "./transport-pair.js";

export interface MemoryRun {
  /** With slots, in the order of the checkpoint. */
  state: Buffer;
  events: RunEvent[];
  /** The messages sent after a step. */
  broadcast: BroadcastKind;
}

/**
 * @param settings the configuration without its numerics fingerprint
 * @param workerCount 0: computed on the coordinator's own replica, as in `single`
 */
export async function runInMemory(
  settings: RunConfig,
  data: DataSource,
  steps: number,
  workerCount: number,
  broadcastKind: BroadcastKind = "weights",
): Promise<MemoryRun> {
  const events = new Events();
  const seen: RunEvent[] = [];
  events.add({ handle: (event) => void seen.push(event) });
  const replica = createReplica(withNumerics(settings));
  const { layout } = replica;
  const { config } = layout;
  const options = { startWith: Math.max(1, workerCount), continueWith: 1, waitMs: 20_000 };
  const pool = new Pool(events, {
    ...options,
    barriers: layout.barriers,
    arbiter: () => new Arbiter(replica),
  });
  const broadcast = createBroadcast(broadcastKind, layout);
  broadcast.open(replica);
  if (workerCount === 0) pool.join(new InProcessWorker(pool, replica));
  const stop = new AbortController();
  const numerics = new NumericsCheck({
    ...{ config, isMixedAllowed: false, events, step: () => replica.step },
  });
  const sessions: Session[] = [];
  const workers = Array.from({ length: workerCount }, (_, number) => {
    const [coordinatorEnd, workerEnd] = transportPair();
    sessions.push(
      new Session(coordinatorEnd, {
        ...{ pool, broadcast, times: DEFAULT_TIMES, bans: new BanList() },
        numerics,
        budget: new SendBudget(Infinity, () => undefined),
        address: `192.0.2.${number + 1}`,
        uniqueName: (requested) => requested,
        endReason: () => undefined,
        onProgress: () => undefined,
        onRejected: (name, reason) => {
          pool.fail(new Error(`${name} was rejected: ${reason}`));
        },
        onClosed: () => undefined,
      }),
    );
    const holder = {
      runtime: undefined,
      create: (own: RunLayout, kind: BroadcastKind) => new WorkerRuntime(own, kind, openEngine),
    };
    const own = {
      name: `w${number}`,
      kind: "node",
      resources: { memoryBytes: 1e12, engines: ENGINE_NAMES },
    } as const;
    const serve = { ...own, holder, onWelcome: () => undefined };
    return serveConnection(workerEnd, serve, stop.signal);
  });
  const writer = new CheckpointWriter(`${temporaryFolder()}/c.safetensors`, events);
  const planner = new StepPlanner(layout, data, 0);
  const loop = new TrainingLoop(
    { steps, evalEvery: 0, checkpointEvery: 0 },
    { planner, replica, pool, broadcast, writer, events },
  );
  await loop.run(stop.signal);
  for (const session of sessions) session.end("finished");
  await Promise.all(workers);
  const state = replica.snapshot("with-slots").map(({ values }) => Buffer.from(values.buffer));
  replica.dispose();
  return { state: Buffer.concat(state), events: seen, broadcast: broadcast.kind };
}
