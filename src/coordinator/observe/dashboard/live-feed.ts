// Sends a run's page updates to those who watch it, as server-sent events. A viewer is a position in buffers that all viewers
// share: first in a snapshot of the run so far, then in the newest events. It receives the next chunk when the last one has
// drained, so a slow viewer costs no memory and does not delay others. One that falls too far behind starts again with a newer
// snapshot.
import type { Writable } from "node:stream";

const CHUNK_BYTES = 64 * 1024;
/** Only the newest events are kept; a viewer that needs older ones starts again. */
const MAX_RECENT_BYTES = 4 * 1024 * 1024;
/** Once more bytes of events than this have followed a snapshot, a new viewer gets a new one. */
const MAX_SNAPSHOT_AGE_BYTES = 512 * 1024;
/** A viewer that has read nothing for this long is disconnected; a page reconnects by itself. */
const STALLED_MS = 60_000;
const TICK_MS = 15_000;
const KEEP_ALIVE = Buffer.from(":\n\n");

interface Snapshot {
  chunks: Buffer[];
  /** Number of the first event that it does not contain. */
  nextEvent: number;
  /** Total bytes of all events before it. */
  atBytes: number;
}

interface Viewer {
  stream: Writable;
  snapshot: Snapshot;
  /** The next chunk of the snapshot. The events come after the last chunk. */
  chunk: number;
  event: number;
  /** Since when it has not read what it was sent; undefined: it has read everything. */
  stalledSinceMs: number | undefined;
}

export class LiveFeed {
  private readonly runSoFar: () => string[];
  private readonly viewers = new Set<Viewer>();
  private readonly timer: NodeJS.Timeout;
  private recent: Buffer[] = [];
  private recentBytes = 0;
  /** Number of the first event in `recent`. */
  private firstEvent = 0;
  private totalBytes = 0;
  private snapshot: Snapshot | undefined;
  /** Bytes sent to all viewers. */
  sentBytes = 0;

  /** @param runSoFar the events that a new viewer needs */
  constructor(runSoFar: () => string[]) {
    this.runSoFar = runSoFar;
    this.timer = setInterval(() => this.tick(), TICK_MS).unref();
  }

  get viewerCount(): number {
    return this.viewers.size;
  }

  add(text: string): void {
    const event = Buffer.from(text);
    this.recent.push(event);
    this.recentBytes += event.byteLength;
    this.totalBytes += event.byteLength;
    while (this.recentBytes > MAX_RECENT_BYTES) {
      this.recentBytes -= this.recent.shift()?.byteLength ?? 0;
      this.firstEvent++;
    }
    for (const viewer of this.viewers) this.send(viewer);
  }

  /** Sends the run so far and then every new event, until the stream is closed. */
  watch(stream: Writable): void {
    const viewer = { stream, ...this.beginning(), stalledSinceMs: undefined };
    this.viewers.add(viewer);
    stream.on("close", () => this.viewers.delete(viewer));
    stream.on("error", () => this.viewers.delete(viewer));
    this.send(viewer);
  }

  /** Sends everyone the run so far again, because it does not continue what they have. */
  restart(): void {
    this.snapshot = undefined;
    for (const viewer of this.viewers) {
      Object.assign(viewer, this.beginning());
      this.send(viewer);
    }
  }

  /** Sends each viewer everything that is left, then ends the streams: the last events say how the run ended. */
  close(): void {
    clearInterval(this.timer);
    for (const viewer of this.viewers) {
      for (;;) {
        const bytes = this.nextBytes(viewer);
        if (bytes.byteLength === 0) break;
        this.sentBytes += bytes.byteLength;
        viewer.stream.write(bytes);
      }
      viewer.stream.end();
    }
    this.viewers.clear();
  }

  private beginning(): Pick<Viewer, "snapshot" | "chunk" | "event"> {
    const known = this.snapshot;
    const isFresh =
      known !== undefined &&
      known.nextEvent >= this.firstEvent &&
      this.totalBytes - known.atBytes <= MAX_SNAPSHOT_AGE_BYTES;
    const snapshot = isFresh ? known : this.takeSnapshot();
    this.snapshot = snapshot;
    return { snapshot, chunk: 0, event: snapshot.nextEvent };
  }

  private takeSnapshot(): Snapshot {
    const chunks: Buffer[] = [];
    let pending = "";
    // Each chunk consists of complete events: a viewer may start again after any chunk.
    for (const text of this.runSoFar()) {
      pending += text;
      if (pending.length < CHUNK_BYTES) continue;
      chunks.push(Buffer.from(pending));
      pending = "";
    }
    if (pending !== "") chunks.push(Buffer.from(pending));
    return {
      chunks,
      nextEvent: this.firstEvent + this.recent.length,
      atBytes: this.totalBytes,
    };
  }

  private send(viewer: Viewer): void {
    if (viewer.stalledSinceMs !== undefined) return;
    const bytes = this.nextBytes(viewer);
    if (bytes.byteLength > 0) this.write(viewer, bytes);
  }

  private write(viewer: Viewer, bytes: Buffer): void {
    viewer.stalledSinceMs = performance.now();
    this.sentBytes += bytes.byteLength;
    viewer.stream.write(bytes, (error) => {
      viewer.stalledSinceMs = undefined;
      if (!error && this.viewers.has(viewer)) this.send(viewer);
    });
  }

  private nextBytes(viewer: Viewer): Buffer {
    const chunk = viewer.snapshot.chunks[viewer.chunk];
    if (chunk) {
      viewer.chunk++;
      return chunk;
    }
    if (viewer.event < this.firstEvent) {
      Object.assign(viewer, this.beginning());
      return this.nextBytes(viewer);
    }
    const events: Buffer[] = [];
    let byteLength = 0;
    while (byteLength < CHUNK_BYTES) {
      const event = this.recent[viewer.event - this.firstEvent];
      if (!event) break;
      events.push(event);
      byteLength += event.byteLength;
      viewer.event++;
    }
    return events.length === 1 ? events[0]! : Buffer.concat(events);
  }

  private tick(): void {
    const now = performance.now();
    for (const viewer of this.viewers) {
      const { stalledSinceMs, stream } = viewer;
      if (stalledSinceMs === undefined) this.write(viewer, KEEP_ALIVE);
      else if (now - stalledSinceMs > STALLED_MS) stream.destroy();
    }
  }
}
