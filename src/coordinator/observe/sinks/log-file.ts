// Events as structured lines in a file, written by pino: time, level, sentence, and the event's own fields.
import { closeSync, createWriteStream, openSync, type WriteStream } from "node:fs";
import pino from "pino";
import { messageOf, TandemError } from "../../../shared/errors.js";
import type { EventSink } from "../../../shared/events.js";
import { LateFailure } from "../../../shared/observer.js";
import { isReported, type RunEvent } from "../../../shared/run-event.js";
import { type Level, sentenceOf, withSafeText } from "./narration.js";

/**
 * Called before the training, so that it does not fail during it.
 * @throws TandemError `log-file` if the file cannot be written
 */
export function checkLogFile(path: string): void {
  try {
    closeSync(openSync(path, "a"));
  } catch (error) {
    throw new TandemError(
      "log-file",
      `--log-file ${path} cannot be written (${messageOf(error)}). Give another file.`,
      { cause: error },
    );
  }
}

export class LogFileSink implements EventSink {
  private readonly destination: WriteStream;
  private readonly log: pino.Logger;
  private readonly failure = new LateFailure();

  /** @throws Error if the file cannot be opened */
  constructor(path: string, level: Level) {
    // Not pino's own destination: on a full disk it keeps the process from ever ending (sonic-boom's flushSync).
    this.destination = createWriteStream(path, { fd: openSync(path, "a") });
    this.destination.on("error", this.failure.note);
    const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
    this.log = pino(options, this.destination);
  }

  handle(event: RunEvent): void {
    this.failure.throwIfAny();
    if (!isReported(event)) return;
    const sentence = sentenceOf(event);
    const level = sentence?.level ?? "debug";
    const { name: worker, ...fields } = { name: undefined, ...withSafeText(event) };
    const logged = worker === undefined ? fields : { ...fields, worker };
    this.log[level === "result" ? "info" : level](logged, sentence?.text);
  }

  async close(): Promise<void> {
    // The callback is also called after an error.
    await new Promise<void>((resolve) => this.destination.end(() => resolve()));
    this.failure.throwIfAny();
  }
}
