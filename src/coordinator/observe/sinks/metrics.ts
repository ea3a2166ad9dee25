// The run's figures for Prometheus, by its conventions: base units, _total for counters. Listed in docs/observability.md.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { EventSink, RunEvent } from "../../../shared/events.js";
import type { WorkerStatus } from "../dashboard/recorder.js";

/** Workers with counters of their own: those whose answers came last. The names are the workers' choice. */
const MAX_WORKER_LABELS = 256;
const TASK_KINDS = ["shard", "evaluate"] as const;

const CACHE_MS = 1_000;

export interface MetricsSources {
  workers: () => WorkerStatus[];
  /** Bytes that went to pages, and how many are open. */
  pages: () => { bytes: number; open: number };
}

export class MetricsSink implements EventSink {
  readonly name = "the metrics";
  readonly retryMs = 1_000;
  /** In the order of their last answers. */
  private readonly labelled = new Set<string>();
  private readonly registry = new Registry();
  private readonly step = this.gauge("tandem_step", "Steps that the run has behind it");
  private readonly lastStep = this.gauge("tandem_steps", "Steps that the run is to take");
  private readonly loss = this.gauge("tandem_loss", "Mean cross-entropy of the last batch");
  private readonly accuracy = this.gauge("tandem_accuracy_ratio", "At the last evaluation", [
    "set",
  ]);
  private readonly samples = this.counter("tandem_samples_total", "Samples trained on");
  private readonly evaluations = this.counter("tandem_evaluations_total", "Evaluations done");
  private readonly checkpoints = this.counter("tandem_checkpoints_total", "Checkpoints", [
    "result",
  ]);
  private readonly changes = this.counter(
    "tandem_worker_changes_total",
    "Workers that joined, left or were rejected",
    ["state"],
  );
  private readonly repeats = this.counter("tandem_repeats_total", "Tasks given out again, overdue");
  private readonly drifts = this.counter("tandem_drifts_total", "Replicas that were set right");
  private readonly tasks = this.counter("tandem_tasks_total", "Tasks answered", ["worker", "task"]);
  private readonly computing = this.counter(
    "tandem_compute_seconds_total",
    "Time that workers computed for",
    ["worker"],
  );
  private readonly durations = new Histogram({
    name: "tandem_step_duration_seconds",
    help: "From one step's end to the next",
    buckets: [0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.registry],
  });

  private cached:
    { atMs: number; made: Promise<{ contentType: string; text: string }> } | undefined;

  constructor({ workers, pages }: MetricsSources) {
    collectDefaultMetrics({ register: this.registry });
    this.gauge("tandem_workers", "Workers that are connected", [], (gauge) =>
      gauge.set(workers().length),
    );
    const byWorker = (
      name: string,
      help: string,
      of: (status: WorkerStatus) => number | undefined,
    ) =>
      this.gauge(name, help, ["worker"], (gauge) => {
        gauge.reset();
        for (const status of workers()) gauge.set({ worker: status.name }, of(status) ?? 0);
      });
    byWorker(
      "tandem_worker_received_bytes",
      "Bytes from the worker, on this connection",
      (s) => s.bytesUp,
    );
    byWorker(
      "tandem_worker_sent_bytes",
      "Bytes to the worker, on this connection",
      (s) => s.bytesDown,
    );
    byWorker("tandem_worker_round_trip_seconds", "Shortest of the last pings", (s) =>
      s.roundTripMs === undefined ? undefined : s.roundTripMs / 1000,
    );
    this.gauge("tandem_pages_open", "Pages that watch the run", [], (gauge) =>
      gauge.set(pages().open),
    );
    this.gauge("tandem_pages_sent_bytes", "Bytes that went to pages", [], (gauge) =>
      gauge.set(pages().bytes),
    );
  }

  handle(event: RunEvent): void {
    switch (event.event) {
      case "start":
        this.step.set(event.step);
        this.lastStep.set(event.steps);
        return;
      case "step":
        this.step.set(event.step + 1);
        this.loss.set(event.loss);
        this.samples.inc(event.sampleCount);
        this.durations.observe(event.durationMs / 1000);
        return;
      case "evaluation":
        this.evaluations.inc();
        this.accuracy.set({ set: "train" }, event.trainAccuracy);
        this.accuracy.set({ set: "test" }, event.testAccuracy);
        return;
      case "end":
        this.accuracy.set({ set: "test" }, event.testAccuracy);
        return;
      case "worker":
        this.changes.inc({ state: event.state });
        return;
      case "repeat":
        this.repeats.inc();
        return;
      case "drift":
        this.drifts.inc();
        return;
      case "checkpoint":
        this.checkpoints.inc({ result: "written" });
        return;
      case "checkpoint-failed":
        this.checkpoints.inc({ result: "failed" });
        return;
      case "trace":
        for (const { worker, task, computedFromMs, computedToMs } of event.tasks) {
          this.keepLabel(worker);
          this.tasks.inc({ worker, task });
          this.computing.inc({ worker }, Math.max(0, computedToMs - computedFromMs) / 1000);
        }
        return;
      case "listening":
      case "waiting":
      case "interrupted":
      case "checkpoint-kept":
      case "degraded":
      case "observer-failed":
      case "moments":
      case "spread":
      case "progress":
      case "predictions":
        return;
      default:
        event satisfies never;
    }
  }

  private keepLabel(worker: string): void {
    this.labelled.delete(worker);
    this.labelled.add(worker);
    if (this.labelled.size <= MAX_WORKER_LABELS) return;
    const [oldest] = this.labelled;
    if (oldest === undefined) return;
    this.labelled.delete(oldest);
    this.computing.remove({ worker: oldest });
    for (const task of TASK_KINDS) this.tasks.remove({ worker: oldest, task });
  }

  /** Made once a second at most, however many ask. */
  exposition(): Promise<{ contentType: string; text: string }> {
    const nowMs = performance.now();
    if (!this.cached || nowMs - this.cached.atMs > CACHE_MS) {
      const { contentType } = this.registry;
      const made = this.registry.metrics().then((text) => ({ contentType, text }));
      this.cached = { atMs: nowMs, made };
    }
    return this.cached.made;
  }

  private counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private gauge(
    name: string,
    help: string,
    labelNames: string[] = [],
    collect?: (gauge: Gauge) => void,
  ): Gauge {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      ...(collect ? { collect: () => collect(gauge) } : {}),
    });
    return gauge;
  }
}
