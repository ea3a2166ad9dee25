// Assembles a run from its parts: replica, pool, workers (local or behind a port) and observers; then does the work, which is
// the training loop or the recalibration of a checkpoint (recalibration.ts).
import type { Checkpoint } from "../shared/checkpoint/checkpoint.js";
import type { BroadcastKind, RunConfig } from "../shared/config.js";
import { dataEvent } from "../shared/data/data-event.js";
import type { DataSource } from "../shared/data/samples.js";
import type { Engine } from "../shared/engine/engine.js";
import type { Events } from "../shared/events.js";
import { initialTensors } from "../shared/network/initial-values.js";
import { sizeOf } from "../shared/network/network.js";
import { withEmptySlots } from "../shared/replica/initial-state.js";
import type { NamedTensor } from "../shared/replica/tensors.js";
import { TrainingReplica } from "../shared/replica/training-replica.js";
import type { RunEvent } from "../shared/run-event.js";
import { layoutOfRun, type RunLayout } from "../shared/run-layout.js";
import type { Broadcast } from "./broadcast/broadcast.js";
import { createBroadcast } from "./broadcast/create-broadcast.js";
import { CheckpointWriter } from "./checkpoint-writer.js";
import { RunObservers } from "./observe/run-observers.js";
import { StepPlanner } from "./step-plan.js";
import { type Outcome, TrainingLoop, type TrainingOptions } from "./training-loop.js";
import { Arbiter } from "./workers/arbiter.js";
import { InProcessWorker } from "./workers/in-process-worker.js";
import { NumericsCheck } from "./workers/numerics-check.js";
import { Pool, type PoolOptions } from "./workers/pool.js";
import { VERIFIES_RESULTS } from "./workers/handshake.js";
import { CoordinatorServer, type ServerOptions } from "./workers/server.js";
import type { EndReason } from "./workers/tasks.js";

export interface RunPlan {
  config: RunConfig;
  /** The engine that the configuration names. */
  engine: Engine;
  /** The engine's numerics fingerprint on this machine. */
  numerics: string;
  /** This process is one of the workers, or the only one. */
  computesHere: boolean;
  /** Machines whose fingerprint differs from the configuration's may take part. */
  mixedNumerics: boolean;
  data: DataSource;
  resumeFrom: Checkpoint | undefined;
  /** The weights to start from; default: randomly initialized. */
  initial?: InitialWeights | undefined;
  training: TrainingOptions;
  /** Path of the checkpoint. */
  output: string;
  /** Folder for TensorBoard's event files and the run's log; undefined: neither is written. */
  summaryDir: string | undefined;
  broadcast: BroadcastKind;
  pool: PoolOptions;
  /** The port for workers; undefined if this process is the only one. */
  server: ServerOptions | undefined;
  /** Called with the URL for workers, before the slow parts of the start; `fail` ends the run. */
  onListening?: (url: string, fail: (error: Error) => void) => void;
}

export interface InitialWeights {
  /** Parameters and population statistics. */
  tensors: readonly NamedTensor[];
  report: Omit<RunEvent & { event: "initial-weights" }, "event">;
}

/** What the work of a run needs. */
export interface RunParts {
  layout: RunLayout;
  replica: TrainingReplica;
  pool: Pool;
  broadcast: Broadcast;
  numerics: NumericsCheck;
}

/**
 * @param stop when aborted, ends the run after the step in progress
 * @throws TandemError with exit code 1 if the run fails
 */
export function runTraining(plan: RunPlan, events: Events, stop: AbortSignal): Promise<Outcome> {
  return assembleRun(plan, events, async ({ layout, replica, pool, broadcast, numerics }) => {
    events.emit(dataEvent(plan.data));
    emitStart(plan, layout, broadcast.kind, replica.step, events);
    if (plan.initial) events.emit({ event: "initial-weights", ...plan.initial.report });
    const { output, resumeFrom, training, data } = plan;
    const writer = new CheckpointWriter(output, events, {
      ...{ resumeFrom, lastStep: training.steps },
      mixedSince: () => numerics.mixedSince,
    });
    const planner = new StepPlanner(layout, data, training.evalEvery);
    const loop = new TrainingLoop(training, { planner, replica, pool, broadcast, writer, events });
    const outcome = await loop.run(stop);
    if (outcome.ended === "finished") {
      const { accuracy, loss: testLoss } = outcome.test;
      const testAccuracy = accuracy === undefined ? {} : { testAccuracy: accuracy };
      events.emit({ event: "end", step: replica.step, ...testAccuracy, testLoss, path: output });
    }
    return outcome;
  });
}

/**
 * Sets up a run's parts, calls `work` with them and shuts everything down again.
 * @throws what `work` throws
 */
export async function assembleRun<Result extends { ended: EndReason }>(
  plan: Omit<RunPlan, "training" | "output">,
  events: Events,
  work: (parts: RunParts) => Promise<Result>,
): Promise<Result> {
  const { config, data } = plan;
  const layout = layoutOfRun(config);
  let arbiter: Arbiter | undefined;
  const { barriers } = layout;
  const pool = new Pool(events, { ...plan.pool, barriers, arbiter: () => arbiter });
  const broadcast = createBroadcast(plan.broadcast, layout);
  const numerics = new NumericsCheck({
    ...{ config, events },
    isMixedAllowed: plan.mixedNumerics,
    mixedSince: plan.resumeFrom?.mixedSince,
    step: () => replica?.step ?? 0,
  });
  let server: CoordinatorServer | undefined;
  let replica: TrainingReplica | undefined;
  const observers = new RunObservers(
    {
      data,
      summaryDir: plan.summaryDir,
      token: plan.server?.token,
      isSecure: plan.server?.tls !== undefined,
      isReady: () => pool.isReady,
      workers: () => server?.workers() ?? [],
    },
    events,
  );
  if (plan.server) {
    const { page } = observers;
    server = new CoordinatorServer(plan.server, {
      ...{ pool, broadcast, numerics, events, dashboard: page },
      relayRefusal: () => ((plan.pool.verify ?? 0) > 0 ? VERIFIES_RESULTS : undefined),
    });
  }
  let reason: EndReason = "failed";
  try {
    if (server) {
      const url = await server.listen();
      plan.onListening?.(url, (error) => pool.fail(error));
    }
    replica = createReplica(layout, plan);
    numerics.noteCoordinator(plan.numerics);
    broadcast.open(replica);
    observers.open(replica);
    arbiter = new Arbiter(replica);
    if (plan.computesHere) pool.join(new InProcessWorker(pool, replica));
    const result = await work({ layout, replica, pool, broadcast, numerics });
    reason = result.ended;
    return result;
  } finally {
    await observers.close();
    await server?.close(reason);
    replica?.dispose();
  }
}

function createReplica(
  layout: RunLayout,
  plan: Pick<RunPlan, "config" | "engine" | "resumeFrom" | "initial">,
): TrainingReplica {
  const { config, resumeFrom } = plan;
  const replica = new TrainingReplica(layout, plan.engine);
  const tensors =
    resumeFrom?.tensors ?? plan.initial?.tensors ?? initialTensors(layout.network, config.seed);
  replica.load(withEmptySlots(layout, tensors), resumeFrom?.step ?? 0);
  return replica;
}

function emitStart(
  plan: RunPlan,
  { network }: RunLayout,
  broadcast: BroadcastKind,
  step: number,
  events: Events,
): void {
  events.emit({
    event: "start",
    config: plan.config,
    step,
    steps: plan.training.steps,
    broadcast,
    parameterCount: network.parameters.reduce((total, { shape }) => total + sizeOf(shape), 0),
  });
}
