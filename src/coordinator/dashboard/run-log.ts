// A run's lines in a file of its summary folder, for `tandem show`: one JSON line each, appended as they come, so that what
// a power cut leaves is a log that ends early.
import { createWriteStream, readFileSync, type WriteStream } from "node:fs";
import { join } from "node:path";
import { messageOf, TandemError } from "../../shared/errors.js";
import type { Line } from "./lines.js";

export const LOG_NAME = "tandem-run.jsonl";

/** Of these each line tells the newest state, and the log needs not every one. */
const EVERY_MS: Partial<Record<Line["kind"], number>> = {
  workers: 10_000,
  trace: 10_000,
  statistics: 20_000,
  mistakes: 60_000,
};

export class RunLog {
  private readonly path: string;
  private file: WriteStream | undefined;
  private readonly writtenMs = new Map<Line["kind"], number>();
  private readonly skipped = new Map<Line["kind"], Line>();

  constructor(folder: string) {
    this.path = join(folder, LOG_NAME);
  }

  add(line: Line): void {
    if (line.kind === "reset") return;
    // A run that starts afresh begins a new log; one that is resumed goes on in its own.
    if (line.kind === "start") this.open(line.step > 0 ? "a" : "w");
    const everyMs = EVERY_MS[line.kind] ?? 0;
    if ("at" in line && line.at - (this.writtenMs.get(line.kind) ?? -Infinity) < everyMs) {
      this.skipped.set(line.kind, line);
      return;
    }
    this.write(line);
  }

  async close(): Promise<void> {
    for (const line of this.skipped.values()) this.write(line);
    const { file } = this;
    if (file) await new Promise<void>((resolve) => file.end(resolve));
  }

  private open(flags: "a" | "w"): void {
    this.file = createWriteStream(this.path, { flags });
    // A disk that is full must not end the run: the log stops here.
    this.file.on("error", () => (this.file = undefined));
  }

  private write(line: Line): void {
    this.skipped.delete(line.kind);
    if ("at" in line) this.writtenMs.set(line.kind, line.at);
    this.file?.write(`${JSON.stringify(line)}\n`);
  }
}

/**
 * The lines of a run's log. A last line that was cut off is left out.
 * @throws TandemError `no-run-log` where the folder has none
 */
export function readRunLog(folder: string): Line[] {
  const path = join(folder, LOG_NAME);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new TandemError(
      "no-run-log",
      `${folder} has no log of a run (${messageOf(error)}). Give the --summary-dir of a run.`,
      { cause: error },
    );
  }
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.flatMap((line, index) => {
    try {
      const parsed = JSON.parse(line) as Line;
      if (typeof parsed.kind === "string") return [parsed];
    } catch {
      if (index === lines.length - 1) return [];
    }
    throw new TandemError(
      "no-run-log",
      `${path}, line ${index + 1}, is not of a run's log. Give the --summary-dir of a run.`,
    );
  });
}
