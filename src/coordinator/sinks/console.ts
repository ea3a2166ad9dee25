// Events as lines of text: the seed's, and between them what happens to workers and files.
import { type EventSink, isTold, type RunEvent } from "../../shared/events.js";
import { isLoud, type Level, sentenceOf } from "./narration.js";

export class ConsoleSink implements EventSink {
  private readonly results: NodeJS.WritableStream;
  private readonly notices: NodeJS.WritableStream;
  private readonly level: Level;

  /**
   * @param results takes the accuracies
   * @param notices takes all else that is of `level` or above
   */
  constructor(results: NodeJS.WritableStream, notices: NodeJS.WritableStream, level: Level) {
    this.results = results;
    this.notices = notices;
    this.level = level;
  }

  handle(event: RunEvent): void {
    const sentence = isTold(event) ? sentenceOf(event) : undefined;
    if (!sentence || !isLoud(sentence.level, this.level)) return;
    const stream = sentence.level === "result" ? this.results : this.notices;
    stream.write(`${sentence.text}\n`);
  }
}
