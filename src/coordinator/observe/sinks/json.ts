// Events as JSON, one object per line, for programs.
import type { Writable } from "node:stream";
import type { EventSink } from "../../../shared/events.js";
import { isReported, type RunEvent } from "../../../shared/run-event.js";
import { LineStream } from "./line-stream.js";
import { withSafeText } from "./narration.js";

/** A program that leaves this much unread has probably stopped reading. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024;

export class JsonSink implements EventSink {
  readonly name = "standard output";
  private readonly lines: LineStream;

  constructor(stream: Writable) {
    this.lines = new LineStream(stream, { maxUnreadBytes: MAX_UNREAD_BYTES, whenFull: "fail" });
  }

  handle(event: RunEvent): void {
    this.lines.check();
    if (isReported(event)) this.lines.write(JSON.stringify(withSafeText(event)));
  }

  close(): Promise<void> {
    return this.lines.drain();
  }
}
