// The lines of a run to those who watch it, as server-sent events. A viewer is a place in texts that all viewers share: first
// in a snapshot of the run so far, then in the newest lines. It is sent the next chunk when the last has drained, so a slow one
// costs no memory and no other viewer anything. Where it falls too far behind, it starts again from a newer snapshot.
import type { Writable } from "node:stream";

const CHUNK_BYTES = 64 * 1024;
/** Newest lines that are kept; a viewer that needs older ones starts again. */
const MAX_RECENT_BYTES = 4 * 1024 * 1024;
/** A snapshot followed by more bytes of lines than this is not sent to another viewer. */
const MAX_SNAPSHOT_AGE_BYTES = 512 * 1024;
/** A viewer that has read nothing for this long is disconnected; a page reconnects by itself. */
const STALLED_MS = 60_000;
const TICK_MS = 15_000;
const KEEP_ALIVE = Buffer.from(":\n\n");

interface Snapshot {
  chunks: Buffer[];
  /** The number of the first line that it does not contain. */
  nextLine: number;
  /** Bytes of all lines up to it. */
  atBytes: number;
}

interface Viewer {
  stream: Writable;
  snapshot: Snapshot;
  /** The next chunk of the snapshot; past its end the lines follow. */
  chunk: number;
  line: number;
  /** Since when it has not taken what it was sent; undefined: it has. */
  waitsSinceMs: number | undefined;
}

export class LiveFeed {
  private readonly runSoFar: () => string[];
  private readonly viewers = new Set<Viewer>();
  private readonly timer: NodeJS.Timeout;
  private recent: Buffer[] = [];
  private recentBytes = 0;
  /** The number of the first of `recent`. */
  private firstLine = 0;
  private totalBytes = 0;
  private snapshot: Snapshot | undefined;
  /** What was sent, to all viewers. */
  sentBytes = 0;

  /** @param runSoFar the events that a viewer who knows nothing needs */
  constructor(runSoFar: () => string[]) {
    this.runSoFar = runSoFar;
    this.timer = setInterval(() => this.tick(), TICK_MS).unref();
  }

  get viewerCount(): number {
    return this.viewers.size;
  }

  add(text: string): void {
    const line = Buffer.from(text);
    this.recent.push(line);
    this.recentBytes += line.byteLength;
    this.totalBytes += line.byteLength;
    while (this.recentBytes > MAX_RECENT_BYTES) {
      this.recentBytes -= this.recent.shift()?.byteLength ?? 0;
      this.firstLine++;
    }
    for (const viewer of this.viewers) this.send(viewer);
  }

  /** Sends the run so far, and then what comes, until the stream is closed. */
  watch(stream: Writable): void {
    const viewer = { stream, ...this.beginning(), waitsSinceMs: undefined };
    this.viewers.add(viewer);
    stream.on("close", () => this.viewers.delete(viewer));
    stream.on("error", () => this.viewers.delete(viewer));
    this.send(viewer);
  }

  /** Sends everyone the run so far once more: it has become another. */
  restart(): void {
    this.snapshot = undefined;
    for (const viewer of this.viewers) {
      Object.assign(viewer, this.beginning());
      this.send(viewer);
    }
  }

  close(): void {
    clearInterval(this.timer);
    for (const { stream } of this.viewers) stream.end();
  }

  private beginning(): Pick<Viewer, "snapshot" | "chunk" | "line"> {
    const known = this.snapshot;
    const isFresh =
      known !== undefined &&
      known.nextLine >= this.firstLine &&
      this.totalBytes - known.atBytes <= MAX_SNAPSHOT_AGE_BYTES;
    const snapshot = isFresh ? known : this.takeSnapshot();
    this.snapshot = snapshot;
    return { snapshot, chunk: 0, line: snapshot.nextLine };
  }

  private takeSnapshot(): Snapshot {
    const chunks: Buffer[] = [];
    let gathered = "";
    // Whole events in each chunk: between two of them a viewer may start again.
    for (const text of this.runSoFar()) {
      gathered += text;
      if (gathered.length < CHUNK_BYTES) continue;
      chunks.push(Buffer.from(gathered));
      gathered = "";
    }
    if (gathered !== "") chunks.push(Buffer.from(gathered));
    return {
      chunks,
      nextLine: this.firstLine + this.recent.length,
      atBytes: this.totalBytes,
    };
  }

  private send(viewer: Viewer): void {
    if (viewer.waitsSinceMs !== undefined) return;
    const bytes = this.nextBytes(viewer);
    if (bytes.byteLength > 0) this.write(viewer, bytes);
  }

  private write(viewer: Viewer, bytes: Buffer): void {
    viewer.waitsSinceMs = performance.now();
    this.sentBytes += bytes.byteLength;
    viewer.stream.write(bytes, (error) => {
      viewer.waitsSinceMs = undefined;
      if (!error && this.viewers.has(viewer)) this.send(viewer);
    });
  }

  private nextBytes(viewer: Viewer): Buffer {
    const chunk = viewer.snapshot.chunks[viewer.chunk];
    if (chunk) {
      viewer.chunk++;
      return chunk;
    }
    if (viewer.line < this.firstLine) {
      Object.assign(viewer, this.beginning());
      return this.nextBytes(viewer);
    }
    const lines: Buffer[] = [];
    let byteLength = 0;
    while (byteLength < CHUNK_BYTES) {
      const line = this.recent[viewer.line - this.firstLine];
      if (!line) break;
      lines.push(line);
      byteLength += line.byteLength;
      viewer.line++;
    }
    return lines.length === 1 ? lines[0]! : Buffer.concat(lines);
  }

  private tick(): void {
    const now = performance.now();
    for (const viewer of this.viewers) {
      const { waitsSinceMs, stream } = viewer;
      if (waitsSinceMs === undefined) this.write(viewer, KEEP_ALIVE);
      else if (now - waitsSinceMs > STALLED_MS) stream.destroy();
    }
  }
}
