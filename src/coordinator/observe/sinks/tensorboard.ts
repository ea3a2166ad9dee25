// For TensorBoard, by TensorFlow's own summary writer: scalars, histograms, and the network's graph. Flushed at each
// evaluation, so that a running TensorBoard follows.
import type { EventSink, RunEvent } from "../../../shared/events.js";
import type { Graph } from "../../../shared/model/graph.js";
import type { SummaryWriter } from "./summary-writer.js";

const RATE_WINDOW_STEPS = 20;

export class TensorBoardSink implements EventSink {
  private readonly writer: SummaryWriter;
  private windowSamples = 0;
  private windowMs = 0;
  private windowSteps = 0;

  /** @param graph what the run computes with */
  constructor(writer: SummaryWriter, graph: Graph) {
    this.writer = writer;
    writer.graph(graph.graphDef());
    this.writer.flush();
  }

  handle(event: RunEvent): void {
    if (event.event === "start") {
      this.writer.start(event.step);
      this.writer.flush();
    } else if (event.event === "step") {
      this.writer.scalar("loss", event.loss, event.step);
      this.rate(event);
    } else if (event.event === "spread") {
      this.histograms(event);
    } else if (event.event === "evaluation") {
      this.writer.scalar("train accuracy", event.trainAccuracy, event.step);
      this.writer.scalar("test accuracy", event.testAccuracy, event.step);
      this.writer.flush();
    } else if (event.event === "end") {
      this.writer.scalar("test accuracy", event.testAccuracy, event.step);
      this.writer.flush();
    }
  }

  close(): void {
    this.writer.flush();
    this.writer.close();
  }

  private histograms({ step, values }: RunEvent & { event: "spread" }): void {
    for (const { name, values: numbers } of values) {
      this.writer.histogram(name, numbers, step);
    }
  }

  private rate(event: RunEvent & { event: "step" }): void {
    this.windowSamples += event.sampleCount;
    this.windowMs += event.durationMs;
    if (++this.windowSteps < RATE_WINDOW_STEPS) return;
    const rate = (1000 * this.windowSamples) / this.windowMs;
    this.writer.scalar("samples per second", rate, event.step);
    this.windowSamples = this.windowMs = this.windowSteps = 0;
  }
}
