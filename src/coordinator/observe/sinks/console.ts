// Events as lines of text: the accuracies, and between them what happens to workers and files. One sink for each stream, so
// that the one that is closed does not take the other with it.
import type { Writable } from "node:stream";
import { type EventSink, isTold, type RunEvent } from "../../../shared/events.js";
import { LineStream } from "./line-stream.js";
import {
  isLoud,
  type Level,
  type NarrationOptions,
  type Sentence,
  sentenceOf,
} from "./narration.js";

const MAX_UNREAD_BYTES = 1024 * 1024;

export interface ConsoleOptions extends NarrationOptions {
  name: string;
  level: Level;
  /** Which sentences this stream takes. */
  takes: (level: Sentence["level"]) => boolean;
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
      whenFull: "leave-out",
    });
  }

  handle(event: RunEvent): void {
    this.lines.check();
    const sentence = isTold(event) ? sentenceOf(event, this.options) : undefined;
    if (!sentence || !isLoud(sentence.level, this.options.level)) return;
    if (this.options.takes(sentence.level)) this.lines.write(sentence.text);
  }

  close(): Promise<void> {
    return this.lines.drain();
  }
}
