// Lines to a stream that may be closed, full, or not read for a while (a pager, Ctrl-S), without waiting for its reader.
import type { Writable } from "node:stream";
import { LateFailure } from "../../../shared/observer.js";

/** What is said of people's text that found no reader. */
const noticeOf = (count: number): string => `(${count} lines left out: nobody read them)`;

export interface LineStreamOptions {
  /** What may wait for the reader. */
  maxUnreadBytes: number;
  /** What happens to a line above that: it is left out, or the stream counts as failed. */
  whenFull: "leave-out" | "fail";
}

export class LineStream {
  private readonly stream: Writable;
  private readonly options: LineStreamOptions;
  private readonly failure = new LateFailure();
  private leftOutCount = 0;

  constructor(stream: Writable, options: LineStreamOptions) {
    this.stream = stream;
    this.options = options;
    stream.on("error", this.failure.note);
  }

  /** True while the reader has not taken all that was written. */
  get isBehind(): boolean {
    return this.stream.writableLength > 0;
  }

  /** @throws Error where an earlier line could not be written: the reader is gone, the disk is full */
  write(line: string): void {
    this.failure.throwIfAny();
    const { maxUnreadBytes, whenFull } = this.options;
    if (this.stream.writableLength > maxUnreadBytes) {
      if (whenFull === "fail") throw new Error(`${maxUnreadBytes} bytes wait to be read`);
      this.leftOutCount++;
      return;
    }
    if (this.leftOutCount > 0) this.stream.write(`${noticeOf(this.leftOutCount)}\n`);
    this.leftOutCount = 0;
    this.stream.write(`${line}\n`);
  }

  /** Throws what failed since the last line. */
  check(): void {
    this.failure.throwIfAny();
  }

  /** Resolves once everything is with the reader, or can never be. */
  async drain(): Promise<void> {
    await new Promise<void>((resolve) => this.stream.write("", () => resolve()));
    this.failure.throwIfAny();
  }
}
