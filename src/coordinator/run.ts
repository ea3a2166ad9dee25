// A run put together from its parts: replica, pool, workers here or behind a port, sinks, and the one training loop.
import type { Checkpoint } from "../shared/checkpoint/checkpoint.js";
import { type Broadcast, networkOfRun, type RunConfig } from "../shared/config.js";
import type { Dataset } from "../shared/data/dataset.js";
import type { Events } from "../shared/events.js";
import { initialTensors } from "../shared/model/initial.js";
import { type Network, sizeOf } from "../shared/model/network.js";
import { Replica } from "../shared/model/replica.js";
import { loadTensorFlow, type TensorFlow } from "../shared/model/tensorflow.js";
import { CheckpointWriter } from "./checkpoint-writer.js";
import { computeOn, InProcessWorker } from "./in-process-worker.js";
import { View } from "./dashboard/view.js";
import { Pool, type PoolOptions } from "./pool.js";
import { CoordinatorServer, type ServerOptions } from "./server.js";
import { SummaryWriter } from "./sinks/summary-writer.js";
import { TensorBoardSink } from "./sinks/tensorboard.js";
import { StateFeed } from "./state-feed.js";
import type { Answer, EndReason, Task } from "./tasks.js";
import { type Outcome, Trainer, type TrainerOptions } from "./trainer.js";

const SUMMARY_RETRY_MS = 10_000;

export interface RunPlan {
  config: RunConfig;
  dataset: Dataset;
  resumeFrom: Checkpoint | undefined;
  training: Omit<TrainerOptions, "config">;
  summaryDir: string;
  broadcast: Broadcast;
  pool: PoolOptions;
  /** Where workers may come from; undefined where the only worker is in this process. */
  server: ServerOptions | undefined;
  /** Called with the workers' URL, before the long parts of the start; `fail` ends the run. */
  onListening?: (url: string, fail: (error: Error) => void) => void;
}

/**
 * @param stop ends the run after the step in hand
 * @throws TandemError with exit code 1 where the run fails
 */
export async function runTraining(
  plan: RunPlan,
  events: Events,
  stop: AbortSignal,
): Promise<Outcome> {
  const { config, dataset } = plan;
  const network = networkOfRun(config);
  let compute: ((task: Task) => Answer) | undefined;
  const arbiter = (task: Task) => {
    if (!compute) throw new Error("no replica to decide with");
    return compute(task);
  };
  const pool = new Pool(events, { ...plan.pool, arbiter });
  const feed = new StateFeed(config, plan.broadcast);
  let server: CoordinatorServer | undefined;
  const view = new View(
    {
      config,
      dataset,
      summaryDir: plan.summaryDir,
      token: plan.server?.token,
      isSecure: plan.server?.tls !== undefined,
      isReady: () => pool.isReady,
      workers: () => server?.workers() ?? [],
    },
    events,
  );
  if (plan.server) {
    const { page } = view;
    server = new CoordinatorServer(plan.server, { pool, feed, network, events, dashboard: page });
  }
  let reason: EndReason = "failed";
  try {
    if (server) {
      const url = await server.listen();
      plan.onListening?.(url, (error) => pool.fail(error));
    }
    const tf = loadTensorFlow(config.threads);
    const replica = newReplica(tf, network, plan);
    feed.open(replica);
    events.addLazily(
      "TensorBoard's summary",
      () => new TensorBoardSink(new SummaryWriter(tf, plan.summaryDir), replica.graph.graph),
      SUMMARY_RETRY_MS,
    );
    compute = computeOn(replica, config);
    view.open(replica);
    if (!server) pool.join(new InProcessWorker(pool, compute));
    tellStart(plan, feed.broadcast, replica.step, events);
    const { output, steps: lastStep } = plan.training;
    const { resumeFrom } = plan;
    const writer = new CheckpointWriter(output, events, { resumeFrom, lastStep });
    const trainer = new Trainer(
      { config, ...plan.training },
      { dataset, replica, pool, events, writer, feed },
    );
    const outcome = await trainer.train(stop);
    reason = outcome.ended;
    if (outcome.ended === "finished") {
      const { accuracy, loss } = outcome.test;
      const { output: path } = plan.training;
      const { step } = replica;
      events.emit({ event: "end", step, testAccuracy: accuracy, testLoss: loss, path });
    }
    return outcome;
  } finally {
    await view.close();
    await server?.close(reason);
  }
}

function newReplica(tf: TensorFlow, network: Network, plan: RunPlan): Replica {
  const { resumeFrom, config } = plan;
  const tensors = resumeFrom?.tensors ?? initialTensors(network, config.seed);
  return new Replica(tf, network, "with-slots", tensors, resumeFrom?.step ?? 0);
}

function tellStart(plan: RunPlan, broadcast: Broadcast, step: number, events: Events): void {
  const network = networkOfRun(plan.config);
  events.emit({
    event: "start",
    config: plan.config,
    step,
    steps: plan.training.steps,
    broadcast,
    parameterCount: network.parameters.reduce((total, { shape }) => total + sizeOf(shape), 0),
  });
}
