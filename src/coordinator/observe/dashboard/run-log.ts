// A run's lines in a file of its summary folder, for `tandem show`: one JSON line each, appended as they come, so that what
// a power cut leaves is a log with a torn line in it.
import {
  closeSync,
  constants,
  createWriteStream,
  fstatSync,
  openSync,
  readSync,
  type WriteStream,
} from "node:fs";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { messageOf, TandemError } from "../../../shared/errors.js";
import { LateFailure } from "../../../shared/observer.js";
import { History } from "./history.js";
import type { Line } from "./lines.js";

export const LOG_NAME = "tandem-run.jsonl";

/** Of these each line tells the newest state, and the log needs not every one. */
const EVERY_MS: Partial<Record<Line["kind"], number>> = {
  workers: 10_000,
  trace: 10_000,
  statistics: 20_000,
  mistakes: 60_000,
};

/** What may wait for a slow disk. */
const MAX_UNWRITTEN_BYTES = 16 * 1024 * 1024;

export class RunLog {
  private readonly path: string;
  private readonly failure = new LateFailure();
  private file: WriteStream | undefined;
  private hasBegun = false;
  private readonly writtenMs = new Map<Line["kind"], number>();
  private readonly skipped = new Map<Line["kind"], Line>();

  constructor(folder: string) {
    this.path = join(folder, LOG_NAME);
  }

  /** @throws Error where an earlier line could not be written; the next line opens the log once more */
  add(line: Line): void {
    if (line.kind === "reset") return;
    this.check();
    // A run that starts afresh begins a new log; one that is resumed goes on in its own.
    if (line.kind === "start") this.open(line.step > 0 ? "a" : "w");
    else if (!this.file && this.hasBegun) this.open("a");
    const sinceMs = performance.now() - (this.writtenMs.get(line.kind) ?? -Infinity);
    if (sinceMs < (EVERY_MS[line.kind] ?? 0)) {
      this.skipped.set(line.kind, line);
      return;
    }
    this.write(line);
  }

  async close(): Promise<void> {
    for (const line of this.skipped.values()) this.write(line);
    const { file } = this;
    if (file) await new Promise<void>((resolve) => file.end(resolve));
    this.failure.throwIfAny();
  }

  private check(): void {
    try {
      this.failure.throwIfAny();
    } catch (error) {
      this.file?.destroy();
      this.file = undefined;
      throw error;
    }
  }

  private open(flags: "a" | "w"): void {
    this.hasBegun = true;
    this.file = createWriteStream(this.path, { flags });
    this.file.on("error", this.failure.note);
    // What was written last may have been cut off: it must not spoil the next line too.
    if (flags === "a" && isTorn(this.path)) this.file.write("\n");
  }

  private write(line: Line): void {
    this.skipped.delete(line.kind);
    this.writtenMs.set(line.kind, performance.now());
    if (!this.file) return;
    if (this.file.writableLength > MAX_UNWRITTEN_BYTES) {
      this.failure.note(new Error(`${this.path}: the disk takes nothing`));
      return;
    }
    this.file.write(`${JSON.stringify(line)}\n`);
  }
}

/** True where the file's last line has no end. */
function isTorn(path: string): boolean {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return false;
  }
  try {
    const { size } = fstatSync(file);
    const last = Buffer.alloc(1);
    return size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last.toString() !== "\n";
  } finally {
    closeSync(file);
  }
}

export interface ReadLog {
  lines: Line[];
  /** Lines that were cut off or are none, and were left out. */
  unreadableCount: number;
}

/** Far more than a live page is sent, yet bounded however long the log is. */
const SHOWN = { maxSteps: 200_000, scale: 16 };
/** No line of a run's log is longer; what is, is skipped without being kept in memory. */
const MAX_LINE_LENGTH = 32 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;

/**
 * The lines of a run's log, thinned out where there are very many; of steps that a resumed run did again, the later ones.
 * @throws TandemError `no-run-log` where the folder has none
 */
export function readRunLog(folder: string): ReadLog {
  const path = join(folder, LOG_NAME);
  const history = new History(SHOWN);
  let [readableCount, unreadableCount] = [0, 0];
  try {
    for (const text of linesOf(path)) {
      if (text === "") continue;
      if (isAdded(history, text)) readableCount++;
      else unreadableCount++;
    }
  } catch (error) {
    throw new TandemError(
      "no-run-log",
      `${folder} has no log of a run (${messageOf(error)}). Give the --summary-dir of a run.`,
      { cause: error },
    );
  }
  if (readableCount === 0 && unreadableCount > 0) {
    throw new TandemError(
      "no-run-log",
      `${path} is not a run's log, from line 1 on. Give the --summary-dir of a run.`,
    );
  }
  return { lines: history.lines(), unreadableCount };
}

function isAdded(history: History, text: string): boolean {
  try {
    const line = JSON.parse(text) as Line | null;
    if (typeof line?.kind !== "string") return false;
    history.add(line);
    return true;
  } catch {
    return false;
  }
}

/** The file's lines, read in pieces: a file may be longer than the longest string. */
function* linesOf(path: string): Generator<string> {
  // A named pipe is not waited for.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) throw new Error(`${path} is not a regular file`);
    const buffer = Buffer.alloc(READ_BYTES);
    const decoder = new StringDecoder("utf8");
    let rest = "";
    for (let count = readSync(file, buffer); count > 0; count = readSync(file, buffer)) {
      const lines = (rest + decoder.write(buffer.subarray(0, count))).split("\n");
      rest = (lines.pop() ?? "").slice(0, MAX_LINE_LENGTH);
      yield* lines;
    }
    yield rest + decoder.end();
  } finally {
    closeSync(file);
  }
}
