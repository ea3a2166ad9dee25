// A run's page updates in a file of its summary folder, for `tandem show`: one JSON object per line, appended as they arrive, so
// that a power cut damages no more than the last line.
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
import type { PageUpdate, PageUpdateKind } from "./page-update.js";
import { carrySlowest } from "./slowest-trace.js";

export const LOG_NAME = "tandem-run.jsonl";

/** An update of one of these kinds describes a current state; the log contains at most one per interval. */
const INTERVAL_MS: Partial<Record<PageUpdateKind, number>> = {
  workers: 10_000,
  trace: 10_000,
  statistics: 20_000,
  mistakes: 60_000,
  scatter: 60_000,
};

/** How much may wait for a slow disk. */
const MAX_UNWRITTEN_BYTES = 16 * 1024 * 1024;

export class RunLog {
  private readonly path: string;
  private readonly failure = new LateFailure();
  private file: WriteStream | undefined;
  private hasBegun = false;
  private readonly writtenMs = new Map<PageUpdateKind, number>();
  /** The newest update of each kind, if it was not written. */
  private readonly skipped = new Map<PageUpdateKind, PageUpdate>();

  constructor(folder: string) {
    this.path = join(folder, LOG_NAME);
  }

  /** @throws Error if an earlier update could not be written; the next one opens the log again */
  add(update: PageUpdate): void {
    if (update.kind === "reset") return;
    this.check();
    // A new run starts a new log; a resumed run continues its own.
    if (update.kind === "start") this.open(update.step > 0 ? "a" : "w");
    else if (!this.file && this.hasBegun) this.open("a");
    const complete = this.withSkipped(update);
    const sinceMs = performance.now() - (this.writtenMs.get(update.kind) ?? -Infinity);
    if (sinceMs < (INTERVAL_MS[update.kind] ?? 0)) {
      this.skipped.set(update.kind, complete);
      return;
    }
    this.write(complete);
  }

  async close(): Promise<void> {
    for (const update of this.skipped.values()) this.write(update);
    const { file } = this;
    if (file) await new Promise<void>((resolve) => file.end(resolve));
    this.failure.throwIfAny();
  }

  /** The slowest step that a skipped update named must not be lost: it is not sent again. */
  private withSkipped(update: PageUpdate): PageUpdate {
    const skipped = this.skipped.get(update.kind);
    if (update.kind !== "trace" || skipped?.kind !== "trace") return update;
    return carrySlowest(skipped, update);
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
    // The last line may be cut off: it must not damage the next one as well.
    if (flags === "a" && isTorn(this.path)) this.file.write("\n");
  }

  private write(update: PageUpdate): void {
    this.skipped.delete(update.kind);
    this.writtenMs.set(update.kind, performance.now());
    if (!this.file) return;
    if (this.file.writableLength > MAX_UNWRITTEN_BYTES) {
      this.failure.note(new Error(`${this.path}: the disk is too slow`));
      return;
    }
    this.file.write(`${JSON.stringify(update)}\n`);
  }
}

/** Whether the file's last line has no line break. */
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
  updates: PageUpdate[];
  /** Lines that were skipped because they were cut off or are not page updates. */
  unreadableCount: number;
}

/** Far more than a live page receives, but bounded however long the log is. */
const LIMITS = { maxSteps: 200_000, scale: 16 };
/** No line of a run's log is longer. Longer ones are skipped without being held in memory. */
const MAX_LINE_LENGTH = 32 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;

/**
 * The updates in a run's log, thinned out if there are very many. Of steps that a resumed run repeated, the later ones.
 * @throws TandemError `no-run-log` if the folder has none
 */
export function readRunLog(folder: string): ReadLog {
  const path = join(folder, LOG_NAME);
  const history = new History(LIMITS);
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
      `${path} is not a run's log: line 1 cannot be read. Give the --summary-dir of a run.`,
    );
  }
  return { updates: history.updates(), unreadableCount };
}

function isAdded(history: History, text: string): boolean {
  try {
    const update = JSON.parse(text) as PageUpdate | null;
    if (typeof update?.kind !== "string") return false;
    // Logs of earlier versions have no description.
    if (update.kind === "start" && typeof update.description !== "object") return false;
    history.add(update);
    return true;
  } catch {
    return false;
  }
}

/** The file's lines, read in chunks: a file may be longer than the longest string. */
function* linesOf(path: string): Generator<string> {
  // Without this flag, opening a named pipe would wait for its writer.
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
