// Writes lines to a stream that may be closed, full, or not read for a while (a pager, Ctrl-S), without waiting for its reader.
import type { Writable } from "node:stream";
import { LateFailure } from "../../../shared/observer.js";

const droppedNotice = (count: number): string => `(${count} lines dropped: not read in time)`;

export interface LineStreamOptions {
  /** How much may wait to be read. */
  maxUnreadBytes: number;
  /** What happens to a line beyond that: it is dropped, or the stream counts as failed. */
  whenFull: "drop" | "fail";
}

export class LineStream {
  private readonly stream: Writable;
  private readonly options: LineStreamOptions;
  private readonly failure = new LateFailure();
  private droppedCount = 0;

  constructor(stream: Writable, options: LineStreamOptions) {
    this.stream = stream;
    this.options = options;
    stream.on("error", this.failure.note);
  }

  /** True while the reader has not read everything. */
  get isBehind(): boolean {
    return this.stream.writableLength > 0;
  }

  /** @throws Error if an earlier line could not be written: the reader is gone, the disk is full */
  write(line: string): void {
    this.failure.throwIfAny();
    const { maxUnreadBytes, whenFull } = this.options;
    if (this.stream.writableLength > maxUnreadBytes) {
      if (whenFull === "fail") throw new Error(`more than ${maxUnreadBytes} bytes were not read`);
      this.droppedCount++;
      return;
    }
    if (this.droppedCount > 0) this.stream.write(`${droppedNotice(this.droppedCount)}\n`);
    this.droppedCount = 0;
    this.stream.write(`${line}\n`);
  }

  /** @throws Error for a failure since the last line */
  check(): void {
    this.failure.throwIfAny();
  }

  /** Resolves once everything has been read, or can no longer be read. */
  async drain(): Promise<void> {
    await new Promise<void>((resolve) => this.stream.write("", () => resolve()));
    this.failure.throwIfAny();
  }
}
