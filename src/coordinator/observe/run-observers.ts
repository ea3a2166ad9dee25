// Everything that observes a run besides the terminal: the page with its log, the metrics, TensorBoard.
import type { DataSource } from "../../shared/data/samples.js";
import type { Events } from "../../shared/events.js";
import type { TrainingReplica } from "../../shared/replica/training-replica.js";
import { Dashboard } from "./dashboard/dashboard.js";
import type { PageUpdate } from "./dashboard/page-update.js";
import { createPredictor } from "./dashboard/predictor.js";
import { Recorder } from "./dashboard/recorder.js";
import { RunLog } from "./dashboard/run-log.js";
import type { WorkerStatus } from "./dashboard/worker-table.js";
import { MetricsSink } from "./sinks/metrics.js";
import { SummaryWriter } from "./sinks/summary-writer.js";
import { TensorBoardSink } from "./sinks/tensorboard.js";

const PAGE_RETRY_MS = 1_000;
const FILE_RETRY_MS = 10_000;
/** A disk that no longer responds must not keep the process from ending. */
const CLOSE_MS = 3_000;

export interface RunObserversOptions {
  data: Pick<DataSource, "classNames">;
  /** For TensorBoard and the run's log; undefined: neither is written. */
  summaryDir: string | undefined;
  /** Protects the port. */
  token: string | undefined;
  isSecure: boolean;
  isReady: () => boolean;
  /** The workers that are connected now. */
  workers: () => WorkerStatus[];
}

export class RunObservers {
  readonly page: Dashboard;
  private readonly options: RunObserversOptions;
  private readonly events: Events;
  private readonly log: RunLog | undefined;
  private readonly recorder: Recorder;

  constructor(options: RunObserversOptions, events: Events) {
    const { data, summaryDir, token, isSecure, isReady, workers } = options;
    this.options = options;
    this.events = events;
    const pages = () => ({ bytes: this.page.sentBytes, open: this.page.viewerCount });
    const metrics = new MetricsSink({ workers, pages });
    this.page = new Dashboard({
      ...(token === undefined ? {} : { token }),
      isSecure,
      isReady,
      metrics: () => metrics.exposition(),
    });
    const log = summaryDir === undefined ? undefined : new RunLog(summaryDir);
    this.log = log;
    const sinks = [
      events.guard<PageUpdate>("the page", PAGE_RETRY_MS, (update) => this.page.add(update)),
    ];
    if (log) {
      sinks.unshift(
        events.guard<PageUpdate>("the run's log", FILE_RETRY_MS, (update) => log.add(update)),
      );
    }
    this.recorder = new Recorder({ classNames: data.classNames, workers, sinks });
    events.add(this.recorder);
    events.add({
      name: "the page",
      handle: (event) => {
        if (event.event === "listening") this.page.join.noteListening(event);
      },
    });
    events.add(metrics);
  }

  /** From now on the page predicts samples with the replica's current weights, and TensorBoard files are written. */
  open(replica: TrainingReplica): void {
    const { summaryDir } = this.options;
    this.page.offerPredictions(createPredictor(replica));
    if (summaryDir === undefined) return;
    this.events.addLazily(
      "TensorBoard's summary",
      () => new TensorBoardSink(new SummaryWriter(summaryDir), replica.graph.graph),
      FILE_RETRY_MS,
    );
  }

  /** Never fails, and takes no longer than `CLOSE_MS`. */
  async close(): Promise<void> {
    this.recorder.close();
    this.page.close();
    await this.closeLog();
  }

  private async closeLog(): Promise<void> {
    const report = this.events.guard<unknown>("the run's log", undefined, (error) => {
      throw error;
    });
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS)));
    await Promise.race([this.log?.close().catch(report), deadline]);
    clearTimeout(timer);
  }
}
