// A worker's runtime that reports its work to the page that started it.
import { type Reply, WorkerRuntime } from "./worker-runtime.js";

type Parts = ConstructorParameters<typeof WorkerRuntime>;

export interface FinishedTask {
  kind: "shard" | "evaluation";
  step: number;
  sampleCount: number;
  /** Mean over the samples. */
  loss: number;
  computeMs: number;
}

export interface RuntimeReports {
  /** The weights have moved to another step. */
  onWeights(step: number): void;
  /** A task's answer was sent. */
  onTask(task: FinishedTask): void;
}

export class ReportingRuntime extends WorkerRuntime {
  private readonly reports: RuntimeReports;
  private readonly batchSize: number;

  /** @param parts those of `WorkerRuntime` */
  constructor(reports: RuntimeReports, ...parts: Parts) {
    super(...parts);
    this.reports = reports;
    this.batchSize = parts[0].config.batchSize;
  }

  override takeState(...message: Parameters<WorkerRuntime["takeState"]>): void {
    this.reportStep(() => super.takeState(...message));
  }

  override takeUpdate(...message: Parameters<WorkerRuntime["takeUpdate"]>): void {
    this.reportStep(() => super.takeUpdate(...message));
  }

  override compute(...[message, parts, send]: Parameters<WorkerRuntime["compute"]>): void {
    const { step, count } = message;
    super.compute(message, parts, (reply) => {
      send(reply);
      const done = finishedTask(reply, count, this.batchSize);
      if (done) this.reports.onTask({ ...done, step, sampleCount: count });
    });
  }

  private reportStep(take: () => void): void {
    const before = this.step;
    take();
    if (this.step !== before) this.reports.onWeights(this.step);
  }
}

/** @returns the finished task for an answer's last message; undefined for the messages before it */
function finishedTask(
  { message }: Reply,
  count: number,
  batchSize: number,
): Pick<FinishedTask, "kind" | "loss" | "computeMs"> | undefined {
  if (message.type !== "result" && message.type !== "evaluated") return undefined;
  const { from, to, waited = 0 } = message.computed;
  const computeMs = to - from - waited;
  if (message.type === "evaluated") {
    return { kind: "evaluation", loss: message.lossSum / count, computeMs };
  }
  // A shard's loss is its share of the mean over the whole batch.
  return { kind: "shard", loss: (message.loss * batchSize) / count, computeMs };
}
