// Events as lines of text: the metrics, and between them what happens to workers and files. One sink per stream, so that closing
// one stream does not stop the other.
import type { Writable } from "node:stream";
import type { EventSink } from "../../../shared/events.js";
import { isReported, type RunEvent } from "../../../shared/run-event.js";
import { LineStream } from "./line-stream.js";
import {
  isWritten,
  type Level,
  type NarrationOptions,
  type Sentence,
  sentenceOf,
} from "./narration.js";

const MAX_UNREAD_BYTES = 1024 * 1024;

export interface ConsoleOptions extends NarrationOptions {
  name: string;
  level: Level;
  /** Which sentences are written to this stream. */
  accepts: (level: Sentence["level"]) => boolean;
}

export class ConsoleSink implements EventSink {
  readonly name: string;
  private readonly lines: LineStream;
  private readonly options: ConsoleOptions;

  constructor(stream: Writable, options: ConsoleOptions) {
    this.name = options.name;
    this.options = options;
    this.lines = new LineStream(stream, {
      maxUnreadBytes: MAX_UNREAD_BYTES,
      whenFull: "drop",
    });
  }

  handle(event: RunEvent): void {
    this.lines.check();
    const sentence = isReported(event) ? sentenceOf(event, this.options) : undefined;
    if (!sentence || !isWritten(sentence.level, this.options.level)) return;
    if (this.options.accepts(sentence.level)) this.lines.write(sentence.text);
  }

  close(): Promise<void> {
    return this.lines.drain();
  }
}
