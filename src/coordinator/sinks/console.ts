// Events as text for people: the seed's lines, and between them what happens to workers and files.
import type { EventSink, RunEvent } from "../../shared/events.js";

/** C's %g, for the numbers that are shown: six significant digits, without trailing zeros. */
export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(6)));
}

export class ConsoleSink implements EventSink {
  private readonly results: NodeJS.WritableStream;
  private readonly notices: NodeJS.WritableStream;

  /**
   * @param results takes the accuracies
   * @param notices takes all else
   */
  constructor(results: NodeJS.WritableStream, notices: NodeJS.WritableStream) {
    this.results = results;
    this.notices = notices;
  }

  handle(event: RunEvent): void {
    switch (event.event) {
      case "listening":
        this.notice(`listening on ${event.url}`);
        return;
      case "start": {
        const { shards, threads, batchSize } = event.config;
        const from = event.step > 0 ? `, from step ${event.step} on` : "";
        this.notice(
          `${event.parameterCount.toLocaleString("en")} parameters, ${event.steps} steps of ${batchSize} in ${shards} shard${shards === 1 ? "" : "s"}, ${threads} thread${threads === 1 ? "" : "s"} a process${from}`,
        );
        return;
      }
      case "worker":
        // That everyone leaves when the run is over goes without saying.
        if (event.state === "left" && event.reason === "finished") return;
        this.notice(
          `worker ${event.name} ${event.state}${event.reason ? `: ${event.reason}` : ""}`,
        );
        return;
      case "repeat":
        this.notice(
          `step ${event.step}: ${event.task} is overdue and goes to ${event.worker} as well`,
        );
        return;
      case "drift":
        this.notice(
          `step ${event.step}: ${event.worker} had come to other weights, as another kind of processor may; it is sent the right ones`,
        );
        return;
      case "waiting":
        this.notice(`${event.reason}, for ${event.deadlineSeconds} s at most`);
        return;
      case "step":
      case "trace":
        return;
      case "evaluation":
        this.result(
          `step ${event.step}, training accuracy ${shortNumber(event.trainAccuracy)}, test accuracy ${shortNumber(event.testAccuracy)}`,
        );
        return;
      case "checkpoint":
        this.notice(`checkpoint of step ${event.step} written to ${event.path}`);
        return;
      case "checkpoint-failed":
        this.notice(
          `checkpoint of step ${event.step} could NOT be written to ${event.path}: ${event.reason}`,
        );
        return;
      case "interrupted":
        this.notice(
          `${event.signal}: finishing step ${event.step}, then a checkpoint; once more ends at once`,
        );
        return;
      case "end":
        this.result(`test accuracy ${shortNumber(event.testAccuracy)}`);
        return;
      default:
        event satisfies never;
    }
  }

  private result(line: string): void {
    this.results.write(`${line}\n`);
  }

  private notice(line: string): void {
    this.notices.write(`${line}\n`);
  }
}
