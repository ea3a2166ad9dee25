// The run's metrics for Prometheus, following its conventions: base units, _total for counters. Listed in
// docs/observability.md.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { EventSink } from "../../../shared/events.js";
import { computeMsOf, type RunEvent } from "../../../shared/run-event.js";
import type { WorkerStatus } from "../dashboard/worker-table.js";

/** Only the workers that answered last have counters of their own: workers choose their own names. */
const MAX_WORKER_LABELS = 256;
const TASK_KINDS = ["shard", "evaluate"] as const;

const CACHE_MS = 1_000;

export interface MetricsSources {
  workers: () => WorkerStatus[];
  /** Bytes sent to pages, and how many are open. */
  pages: () => { bytes: number; open: number };
}

export class MetricsSink implements EventSink {
  readonly name = "the metrics";
  readonly retryMs = 1_000;
  /** In the order of their last answers. */
  private readonly labelled = new Set<string>();
  private readonly registry = new Registry();
  private readonly step = this.gauge("tandem_step", "Steps done");
  private readonly lastStep = this.gauge("tandem_steps", "Steps in total");
  private readonly loss = this.gauge("tandem_loss", "Mean loss over the last global batch");
  private readonly accuracy = this.gauge("tandem_accuracy_ratio", "At the last evaluation", [
    "set",
  ]);
  private readonly evaluationLoss = this.gauge(
    "tandem_evaluation_loss",
    "Mean loss at the last evaluation",
    ["set"],
  );
  private readonly samples = this.counter("tandem_samples_total", "Samples trained on");
  private readonly dataWait = this.counter(
    "tandem_data_wait_seconds_total",
    "Time that steps waited for their samples",
  );
  private readonly evaluations = this.counter("tandem_evaluations_total", "Evaluations done");
  private readonly checkpoints = this.counter("tandem_checkpoints_total", "Checkpoints", [
    "result",
  ]);
  private readonly changes = this.counter(
    "tandem_worker_changes_total",
    "Workers that joined, left or were rejected",
    ["state"],
  );
  private readonly backups = this.counter(
    "tandem_backup_tasks_total",
    "Late tasks that were assigned to a second worker",
  );
  private readonly divergences = this.counter(
    "tandem_replica_divergences_total",
    "Workers whose weights differed and were replaced",
  );
  private readonly tasks = this.counter("tandem_tasks_total", "Tasks whose answers were used", [
    "worker",
    "task",
  ]);
  private readonly computing = this.counter(
    "tandem_compute_seconds_total",
    "Time that workers spent computing",
    ["worker"],
  );
  private readonly durations = new Histogram({
    name: "tandem_step_duration_seconds",
    help: "From the end of one step to the end of the next",
    buckets: [0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.registry],
  });

  private cached:
    { atMs: number; exposition: Promise<{ contentType: string; text: string }> } | undefined;

  constructor({ workers, pages }: MetricsSources) {
    collectDefaultMetrics({ register: this.registry });
    this.gauge("tandem_workers", "Connected workers", [], (gauge) => gauge.set(workers().length));
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
      "Bytes from the worker on its current connection",
      (s) => s.bytesUp,
    );
    byWorker(
      "tandem_worker_sent_bytes",
      "Bytes to the worker on its current connection",
      (s) => s.bytesDown,
    );
    byWorker("tandem_worker_round_trip_seconds", "Shortest of the last round trips", (s) =>
      s.roundTripMs === undefined ? undefined : s.roundTripMs / 1000,
    );
    this.gauge("tandem_pages_open", "Open pages", [], (gauge) => gauge.set(pages().open));
    this.gauge("tandem_pages_sent_bytes", "Bytes sent to pages", [], (gauge) =>
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
        this.setMetrics("train", event.trainAccuracy, event.trainLoss);
        this.setMetrics("test", event.testAccuracy, event.testLoss);
        return;
      case "end":
        this.setMetrics("test", event.testAccuracy, event.testLoss);
        return;
      case "worker":
        this.changes.inc({ state: event.state });
        return;
      case "backup":
        this.backups.inc();
        return;
      case "divergence":
        this.divergences.inc();
        return;
      case "checkpoint":
        this.checkpoints.inc({ result: "written" });
        return;
      case "checkpoint-failed":
        this.checkpoints.inc({ result: "failed" });
        return;
      case "trace":
        for (const { phase, fromMs, toMs } of event.phases) {
          if (phase === "data") this.dataWait.inc((toMs - fromMs) / 1000);
        }
        for (const { worker, task, ...times } of event.tasks) {
          this.keepLabel(worker);
          this.tasks.inc({ worker, task });
          this.computing.inc({ worker }, computeMsOf(times) / 1000);
        }
        return;
      case "listening":
      case "waiting":
      case "interrupted":
      case "recipe":
      case "data":
      case "initial-weights":
      case "checkpoint-kept":
      case "degraded":
      case "mixed-numerics":
      case "observer-failed":
      case "moments":
      case "population":
      case "recalibrated":
      case "histograms":
      case "progress":
      case "predictions":
        return;
      default:
        event satisfies never;
    }
  }

  /** Accuracy only if the targets are classes. */
  private setMetrics(set: "train" | "test", accuracy: number | undefined, loss: number): void {
    if (accuracy !== undefined) this.accuracy.set({ set }, accuracy);
    this.evaluationLoss.set({ set }, loss);
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

  /** Computed at most once per second, however many ask. */
  exposition(): Promise<{ contentType: string; text: string }> {
    const nowMs = performance.now();
    if (!this.cached || nowMs - this.cached.atMs > CACHE_MS) {
      const { contentType } = this.registry;
      const exposition = this.registry.metrics().then((text) => ({ contentType, text }));
      this.cached = { atMs: nowMs, exposition };
    }
    return this.cached.exposition;
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
