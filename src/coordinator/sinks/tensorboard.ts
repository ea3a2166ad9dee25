// Scalars for TensorBoard, by TensorFlow's own summary writer. Flushed at each evaluation, so that a running TensorBoard follows.
import type { EventSink, RunEvent } from "../../shared/events.js";
import type { TensorFlow } from "../../shared/model/tensorflow.js";

type SummaryWriter = ReturnType<TensorFlow["node"]["summaryFileWriter"]>;

const RATE_WINDOW_STEPS = 20;

export class TensorBoardSink implements EventSink {
  private readonly writer: SummaryWriter;
  private windowSamples = 0;
  private windowMs = 0;
  private windowSteps = 0;

  constructor(tf: TensorFlow, folder: string) {
    this.writer = tf.node.summaryFileWriter(folder);
  }

  handle(event: RunEvent): void {
    if (event.event === "step") {
      this.writer.scalar("loss", event.loss, event.step);
      this.rate(event);
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

  private rate(event: RunEvent & { event: "step" }): void {
    this.windowSamples += event.sampleCount;
    this.windowMs += event.durationMs;
    if (++this.windowSteps < RATE_WINDOW_STEPS) return;
    const rate = (1000 * this.windowSamples) / this.windowMs;
    this.writer.scalar("samples per second", rate, event.step);
    this.windowSamples = this.windowMs = this.windowSteps = 0;
  }
}
