// What waits to be sent to one worker. Messages are handed to the operating system a few at a time, so that each that it
// accepts is a sign that the worker reads, and a worker that does not read pins little.
import type { OutgoingFrame } from "../../shared/protocol/channel.js";
import type { Transport } from "../../shared/protocol/transport.js";

/** What is with the transport and not accepted yet: enough that a fast link never waits for the next turn of the event loop. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** What waits unsent for all workers together; a frame that waits for many of them counts once. */
export class SendBudget {
  private readonly limitBytes: number;
  private readonly onExceeded: () => void;
  private pendingBytes = 0;

  /** @param onExceeded must make room: drop what a worker has not read */
  constructor(limitBytes: number, onExceeded: () => void) {
    this.limitBytes = limitBytes;
    this.onExceeded = onExceeded;
  }

  get isExceeded(): boolean {
    return this.pendingBytes > this.limitBytes;
  }

  add(frame: OutgoingFrame): void {
    if (frame.receiverCount++ === 0) this.pendingBytes += frame.byteLength;
    if (this.isExceeded) this.onExceeded();
  }

  remove(frame: OutgoingFrame): void {
    if (--frame.receiverCount === 0) this.pendingBytes -= frame.byteLength;
  }
}

interface Entry {
  frame: OutgoingFrame;
  /** Messages that the transport has been given, and that the operating system has accepted. */
  sent: number;
  accepted: number;
  onAccepted: () => void;
}

export interface OutboxParts {
  transport: Transport;
  budget: SendBudget;
  /** Called when the operating system has accepted a message. */
  onDrained: (byteLength: number) => void;
  /** Called when it has accepted everything. */
  onEmpty: () => void;
  /** Called where the rest of a frame that was sent in part will not come: the connection cannot be used any more. */
  onAborted: () => void;
}

export class Outbox {
  private readonly parts: OutboxParts;
  private readonly entries: Entry[] = [];
  private inFlightBytes = 0;
  private isClosed = false;
  private waitingSinceMs = 0;
  /** Bytes that the operating system has not accepted yet. */
  queuedBytes = 0;

  constructor(parts: OutboxParts) {
    this.parts = parts;
  }

  /** @param onAccepted called when the operating system has accepted all of it */
  send(frame: OutgoingFrame, onAccepted: () => void = () => undefined): void {
    if (this.isClosed) return;
    if (this.entries.length === 0) this.waitingSinceMs = performance.now();
    this.entries.push({ frame, sent: 0, accepted: 0, onAccepted });
    this.queuedBytes += frame.byteLength;
    this.parts.budget.add(frame);
    frame.watch(
      () => this.goOn(),
      () => {
        if (!this.isClosed) this.parts.onAborted();
      },
    );
    this.pump();
  }

  /** True where a frame's first messages are sent and its last are not: nothing else may come between them. */
  get isMidFrame(): boolean {
    const last = this.entries.findLast(({ sent }) => sent > 0);
    return last !== undefined && last.sent < last.frame.messages.length;
  }

  /** How long something has been waiting without the operating system accepting any of it. */
  stalledMs(nowMs: number): number {
    const [first] = this.entries;
    // What has not come yet is not the worker's to read.
    const isArriving = first && first.accepted === first.frame.readyCount;
    return !first || isArriving ? 0 : nowMs - this.waitingSinceMs;
  }

  /** Drops what waits; what the transport has been given already may still be sent. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const { frame } of this.entries.splice(0)) this.parts.budget.remove(frame);
    this.queuedBytes = 0;
  }

  /** More of a frame has come. */
  private goOn(): void {
    if (this.inFlightBytes === 0) this.waitingSinceMs = performance.now();
    this.pump();
  }

  private pump(): void {
    for (const entry of this.entries) {
      while (entry.sent < entry.frame.readyCount) {
        if (this.isClosed || this.inFlightBytes >= WINDOW_BYTES) return;
        const message = entry.frame.messages[entry.sent++]!;
        this.inFlightBytes += message.byteLength;
        entry.frame.inFlightCount++;
        this.parts.transport.send(message, () => this.noteAccepted(entry, message.byteLength));
      }
      if (entry.sent < entry.frame.messages.length) return;
    }
  }

  private noteAccepted(entry: Entry, byteLength: number): void {
    this.inFlightBytes -= byteLength;
    entry.frame.inFlightCount--;
    if (this.isClosed) return;
    this.waitingSinceMs = performance.now();
    this.queuedBytes -= byteLength;
    this.parts.onDrained(byteLength);
    if (++entry.accepted === entry.frame.messages.length) {
      this.entries.shift();
      this.parts.budget.remove(entry.frame);
      entry.onAccepted();
    }
    this.pump();
    if (this.entries.length === 0) this.parts.onEmpty();
  }
}
