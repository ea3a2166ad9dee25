// Events as structured lines in a file, by pino: time, level, sentence, and the event's own fields.
import { openSync } from "node:fs";
import pino from "pino";
import { messageOf, TandemError } from "../../shared/errors.js";
import { type EventSink, isTold, type RunEvent } from "../../shared/events.js";
import { type Level, sentenceOf } from "./narration.js";

export class LogFileSink implements EventSink {
  private readonly destination: ReturnType<typeof pino.destination>;
  private readonly log: pino.Logger;

  /** @throws TandemError `log-file` where the file cannot be written */
  constructor(path: string, level: Level) {
    let file: number;
    try {
      file = openSync(path, "a");
    } catch (error) {
      throw new TandemError(
        "log-file",
        `--log-file ${path} cannot be written (${messageOf(error)}). Give another file.`,
        { cause: error },
      );
    }
    this.destination = pino.destination({ fd: file, sync: false });
    // A disk that is full must not end the run: the log stops here.
    this.destination.on("error", () => undefined);
    const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
    this.log = pino(options, this.destination);
  }

  handle(event: RunEvent): void {
    if (!isTold(event)) return;
    const sentence = sentenceOf(event);
    const level = sentence?.level ?? "debug";
    const { name: worker, ...fields } = { name: undefined, ...event };
    const named = worker === undefined ? fields : { ...fields, worker };
    this.log[level === "result" ? "info" : level](named, sentence?.text);
  }

  close(): void {
    try {
      this.destination.flushSync();
    } catch {
      // It was not open yet, or cannot be written any more: there is nobody left to tell.
    }
  }
}
