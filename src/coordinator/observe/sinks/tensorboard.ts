// Writes scalars, histograms and the run's graph for TensorBoard. Flushed at each evaluation, so that an open TensorBoard follows
// the run.
import { encodeGraphDef } from "../../../shared/engine/tensorflow/graph-def.js";
import { lowerGraph } from "../../../shared/engine/tensorflow/lower.js";
import type { EventSink } from "../../../shared/events.js";
import type { Graph } from "../../../shared/graph/graph.js";
import type { RunEvent } from "../../../shared/run-event.js";
import type { SummaryWriter } from "./summary-writer.js";

const RATE_WINDOW_STEPS = 20;

export class TensorBoardSink implements EventSink {
  private readonly writer: SummaryWriter;
  private windowSamples = 0;
  private windowMs = 0;
  private windowSteps = 0;

  constructor(writer: SummaryWriter, graph: Graph) {
    this.writer = writer;
    writer.graph(graphDefOf(graph));
    writer.flush();
  }

  handle(event: RunEvent): void {
    if (event.event === "start") {
      this.writer.start(event.step);
      this.writer.flush();
    } else if (event.event === "step") {
      this.writer.scalar("loss", event.loss, event.step);
      this.writeRate(event);
    } else if (event.event === "histograms") {
      this.writeHistograms(event);
    } else if (event.event === "evaluation") {
      const { step, trainAccuracy, testAccuracy, trainLoss, testLoss } = event;
      this.writeMetric("train", step, trainAccuracy, trainLoss);
      this.writeMetric("test", step, testAccuracy, testLoss);
      this.writer.flush();
    } else if (event.event === "end") {
      this.writeMetric("test", event.step, event.testAccuracy, event.testLoss);
      this.writer.flush();
    }
  }

  close(): void {
    this.writer.flush();
    this.writer.close();
  }

  /** The accuracy if the targets are classes, else the loss. */
  private writeMetric(set: string, step: number, accuracy: number | undefined, loss: number): void {
    if (accuracy === undefined) this.writer.scalar(`${set} loss`, loss, step);
    else this.writer.scalar(`${set} accuracy`, accuracy, step);
  }

  private writeHistograms({ step, values }: RunEvent & { event: "histograms" }): void {
    for (const { name, values: numbers } of values) {
      this.writer.histogram(name, numbers, step);
    }
  }

  private writeRate(event: RunEvent & { event: "step" }): void {
    this.windowSamples += event.sampleCount;
    this.windowMs += event.durationMs;
    if (++this.windowSteps < RATE_WINDOW_STEPS) return;
    const rate = (1000 * this.windowSamples) / this.windowMs;
    this.writer.scalar("samples per second", rate, event.step);
    this.windowSamples = this.windowMs = this.windowSteps = 0;
  }
}

/** A serialised GraphDef with only TensorFlow's standard ops. */
export function graphDefOf(graph: Graph): Uint8Array {
  return encodeGraphDef(lowerGraph(graph, { hasOneDnnPool: false }).nodes);
}
