// For TensorBoard, by TensorFlow's own summary writer: scalars, histograms, and the network's graph. Flushed at each
// evaluation, so that a running TensorBoard follows.
import type { EventSink, RunEvent } from "../../shared/events.js";
import { graphDef } from "../../shared/model/graph-def.js";
import type { Network } from "../../shared/model/network.js";
import type { Ops } from "../../shared/model/ops.js";
import type { SummaryWriter } from "../../shared/model/kernels.js";

const RATE_WINDOW_STEPS = 20;

export class TensorBoardSink implements EventSink {
  private readonly ops: Ops;
  private readonly writer: SummaryWriter;
  private windowSamples = 0;
  private windowMs = 0;
  private windowSteps = 0;

  constructor(ops: Ops, folder: string, network: Network) {
    this.ops = ops;
    this.writer = ops.tf.node.summaryFileWriter(folder);
    ops.writeGraph(this.writer, graphDef(network));
    this.writer.flush();
  }

  handle(event: RunEvent): void {
    if (event.event === "step") {
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
  }

  private histograms({ step, values }: RunEvent & { event: "spread" }): void {
    for (const { name, values: numbers } of values) {
      this.ops.writeHistogram(this.writer, step, name, numbers);
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
