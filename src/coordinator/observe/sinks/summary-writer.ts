// TensorBoard's event files, for every engine: what is written is encoded, and gathered until there is enough of it or somebody
// flushes.
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
   * Writes a file of its own.
   * @param folder is created where it is missing
   * @param now the time, in milliseconds since 1970
   * @throws Error where the file cannot be written; so do all methods
   */
  constructor(folder: string, now: () => number = Date.now) {
    mkdirSync(folder, { recursive: true });
    this.now = now;
    this.flushedMs = now();
    // TensorBoard finds files by "tfevents" and reads those of a folder in the order of their names.
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

  /** Of the finite values. */
  histogram(tag: string, values: Float32Array, step: number): void {
    const histogram = histogramOf(values);
    if (histogram) this.add(step, { kind: "histogram", tag, histogram });
  }

  /** @param graph a serialised GraphDef */
  graph(graph: Uint8Array): void {
    this.add(0, { kind: "graph", graph });
  }

  /**
   * Marks the start of training at this step. TensorBoard then drops what it has read of this and later steps: a resumed run
   * repeats them.
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
