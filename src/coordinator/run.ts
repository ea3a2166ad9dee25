// A run put together from its parts: replica, pool, workers here or behind a port, sinks, and the one training loop.
import { removeLeftovers } from "../shared/checkpoint/atomic-write.js";
import type { Checkpoint } from "../shared/checkpoint/checkpoint.js";
import { type Broadcast, networkOfRun, type RunConfig } from "../shared/config.js";
import type { Dataset } from "../shared/data/dataset.js";
import type { Events } from "../shared/events.js";
import { classProbabilities } from "../shared/model/compute.js";
import { initialTensors } from "../shared/model/initial.js";
import { type Network, sizeOf } from "../shared/model/network.js";
import { Ops } from "../shared/model/ops.js";
import { Replica } from "../shared/model/replica.js";
import { loadTensorFlow } from "../shared/model/tensorflow.js";
import { CheckpointWriter } from "./checkpoint-writer.js";
import { computeOn, InProcessWorker } from "./in-process-worker.js";
import { Dashboard } from "./dashboard/dashboard.js";
import type { Line } from "./dashboard/lines.js";
import { Recorder, type WorkerStatus } from "./dashboard/recorder.js";
import { RunLog } from "./dashboard/run-log.js";
import { Pool, type PoolOptions } from "./pool.js";
import { CoordinatorServer, type ServerOptions } from "./server.js";
import { MetricsSink } from "./sinks/metrics.js";
import { TensorBoardSink } from "./sinks/tensorboard.js";
import { StateFeed } from "./state-feed.js";
import type { Answer, EndReason, Task } from "./tasks.js";
import { type Outcome, Trainer, type TrainerOptions } from "./trainer.js";

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
  const runLog = new RunLog(plan.summaryDir);
  const view = plan.server ? new View(plan.server, config, pool) : undefined;
  const server =
    plan.server && view
      ? new CoordinatorServer(plan.server, { pool, feed, network, events, dashboard: view.page })
      : undefined;
  const statuses = () => server?.workers() ?? [];
  const lineSinks = [(line: Line) => runLog.add(line), (line: Line) => view?.page.add(line)];
  const recorder = new Recorder(dataset, statuses, lineSinks);
  events.add(recorder);
  if (view) events.add(view.metricsOf(statuses));
  let reason: EndReason = "failed";
  try {
    if (server) {
      const url = await server.listen();
      plan.onListening?.(url, (error) => pool.fail(error));
    }
    const tf = loadTensorFlow(config.threads);
    const ops = new Ops(tf);
    const replica = newReplica(ops, network, plan);
    feed.open(replica);
    events.add(new TensorBoardSink(ops, plan.summaryDir, network));
    compute = computeOn(replica, config);
    view?.page.offerPredictions((pixels) => predicted(replica, pixels));
    if (!server) pool.join(new InProcessWorker(pool, compute));
    tellStart(plan, feed.broadcast, replica.step, events);
    removeLeftovers(plan.training.output);
    const writer = new CheckpointWriter(plan.training.output, events);
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
    recorder.close();
    view?.page.close();
    await runLog.close();
    await server?.close(reason);
  }
}

/** What there is to see on the port. */
class View {
  readonly page: Dashboard;
  private metrics: MetricsSink | undefined;

  constructor({ token, tls }: ServerOptions, config: RunConfig, pool: Pool) {
    const { height, width } = config.data;
    this.page = new Dashboard({
      ...(token === undefined ? {} : { token }),
      isSecure: tls !== undefined,
      imageBytes: height * width,
      isReady: () => pool.isReady,
      metrics: () => this.metrics?.exposition() ?? Promise.reject(new Error("no metrics yet")),
    });
  }

  metricsOf(workers: () => WorkerStatus[]): MetricsSink {
    const pages = () => ({ bytes: this.page.sentBytes, open: this.page.viewerCount });
    this.metrics = new MetricsSink({ workers, pages });
    return this.metrics;
  }
}

function predicted(replica: Replica, pixels: Uint8Array) {
  const labels = new Uint8Array(1);
  const probabilities = classProbabilities(replica, { count: 1, pixels, labels });
  return { step: replica.step, probabilities: [...probabilities] };
}

function newReplica(ops: Ops, network: Network, plan: RunPlan): Replica {
  const { resumeFrom, config } = plan;
  const tensors = resumeFrom?.tensors ?? initialTensors(network, config.seed);
  return new Replica(ops, network, "with-slots", tensors, resumeFrom?.step ?? 0);
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
