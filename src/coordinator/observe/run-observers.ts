// What there is to see of a run: its lines, to the log and to the pages, and its metrics.
import { classProbabilities } from "../../../shared/model/compute.js";
import type { RunConfig } from "../../../shared/config.js";
import type { Dataset } from "../../../shared/data/dataset.js";
import type { Events } from "../../../shared/events.js";
import type { Replica } from "../../../shared/model/replica.js";
import { MetricsSink } from "../sinks/metrics.js";
import { Dashboard } from "./dashboard.js";
import type { Line } from "./lines.js";
import { Recorder, type WorkerStatus } from "./recorder.js";
import { RunLog } from "./run-log.js";

const LOG_RETRY_MS = 10_000;
const PAGE_RETRY_MS = 1_000;
/** A disk that takes nothing any more must not keep the process. */
const CLOSE_MS = 3_000;

export interface ViewOptions {
  config: RunConfig;
  dataset: Dataset;
  summaryDir: string;
  /** How the port is guarded. */
  token: string | undefined;
  isSecure: boolean;
  isReady: () => boolean;
  /** The workers that take part now. */
  workers: () => WorkerStatus[];
}

export class View {
  readonly page: Dashboard;
  private readonly log: RunLog;
  private readonly recorder: Recorder;
  private readonly reportLog: (error: unknown) => void;

  constructor(options: ViewOptions, events: Events) {
    const { config, dataset, summaryDir, token, isSecure, isReady, workers } = options;
    const { height, width } = config.data;
    const pages = () => ({ bytes: this.page.sentBytes, open: this.page.viewerCount });
    const metrics = new MetricsSink({ workers, pages });
    this.page = new Dashboard({
      ...(token === undefined ? {} : { token }),
      isSecure,
      isReady,
      imageBytes: height * width,
      metrics: () => metrics.exposition(),
    });
    this.log = new RunLog(summaryDir);
    const sinks = [
      events.guard<Line>("the run's log", LOG_RETRY_MS, (line) => this.log.add(line)),
      events.guard<Line>("the page", PAGE_RETRY_MS, (line) => this.page.add(line)),
    ];
    const rethrow = (error: unknown) => {
      throw error;
    };
    this.reportLog = events.guard<unknown>("the run's log", undefined, rethrow);
    this.recorder = new Recorder(dataset, workers, sinks);
    events.add(this.recorder);
    events.add(metrics);
  }

  /** From now on digits can be recognised, by the replica's weights of the moment. */
  open(replica: Replica): void {
    const labels = new Uint8Array(1);
    this.page.offerPredictions((pixels) => ({
      step: replica.step,
      probabilities: [...classProbabilities(replica, { count: 1, pixels, labels })],
    }));
  }

  /** Never fails, and takes no longer than `CLOSE_MS`. */
  async close(): Promise<void> {
    this.recorder.close();
    this.page.close();
    await this.closeLog();
  }

  private async closeLog(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS)));
    await Promise.race([this.log.close().catch(this.reportLog), late]);
    clearTimeout(timer);
  }
}
