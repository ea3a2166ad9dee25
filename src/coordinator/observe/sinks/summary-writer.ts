// Writes TensorBoard's event files, for every engine. Events are encoded and collected until there are enough of them, until some
// time has passed, or until they are flushed.
import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { encodeEvent, type EventContent } from "./event-message.js";
import { histogramOf } from "./histogram.js";
import { RecordFile } from "./record-file.js";

const MAX_QUEUE = 10;
const FLUSH_MS = 120_000;

let writerCount = 0;

export class SummaryWriter {
  private readonly file: RecordFile;
  private readonly now: () => number;
  private readonly queue: Uint8Array[] = [];
  private flushedMs: number;

  /**
   * Creates a new file.
   * @param folder is created if it is missing
   * @param now the time, in milliseconds since 1970
   * @throws Error if the file cannot be written; so do all methods
   */
  constructor(folder: string, now: () => number = Date.now) {
    mkdirSync(folder, { recursive: true });
    this.now = now;
    this.flushedMs = now();
    // TensorBoard looks for "tfevents" in file names and reads a folder's files in the order of their names.
    const seconds = String(Math.floor(now() / 1000)).padStart(10, "0");
    const host = hostname().replace(/[^\w.-]/g, "");
    const name = `events.out.tfevents.${seconds}.${host}.${process.pid}.${++writerCount}.v2`;
    this.file = new RecordFile(join(folder, name));
    try {
      this.add(0, { kind: "version" });
      this.flush();
    } catch (error) {
      this.file.close();
      throw error;
    }
  }

  scalar(tag: string, value: number, step: number): void {
    this.add(step, { kind: "scalar", tag, value });
  }

  /** Ignores values that are not finite. */
  histogram(tag: string, values: Float32Array, step: number): void {
    const histogram = histogramOf(values);
    if (histogram) this.add(step, { kind: "histogram", tag, histogram });
  }

  /** @param graph a serialised GraphDef */
  graph(graph: Uint8Array): void {
    this.add(0, { kind: "graph", graph });
  }

  /**
   * Marks the start of training at this step. TensorBoard then drops what it has read of this and later steps, which a resumed
   * run repeats.
   */
  start(step: number): void {
    this.add(step, { kind: "start" });
  }

  flush(): void {
    this.flushedMs = this.now();
    this.file.append(this.queue.splice(0));
  }

  /** Flushes, and closes the file. */
  close(): void {
    try {
      this.flush();
    } finally {
      this.file.close();
    }
  }

  private add(step: number, content: EventContent): void {
    const nowMs = this.now();
    this.queue.push(encodeEvent(nowMs, step, content));
    if (this.queue.length > MAX_QUEUE || nowMs - this.flushedMs > FLUSH_MS) this.flush();
  }
}
