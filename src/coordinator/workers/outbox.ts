// The queue of messages to one worker. Messages are handed to the operating system a few at a time: each one that it accepts
// shows that the worker reads, and a worker that does not read takes little memory.
import type { OutgoingFrame } from "../../shared/protocol/channel.js";
import type { Transport } from "../../shared/protocol/transport.js";

/** Bytes that the transport may hold unaccepted: enough that a fast link never waits for the next turn of the event loop. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** Counts unsent bytes for all workers together; a frame that is queued for many of them counts once. */
export class SendBudget {
  private readonly limitBytes: number;
  private readonly onExceeded: () => void;
  private pendingBytes = 0;

  /** @param onExceeded must make room by dropping workers that do not read */
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
  /** Number of messages handed to the transport, and of messages that the operating system has accepted. */
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
  /** Called if the rest of a partly sent frame will not arrive: the connection cannot be used any more. */
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
      () => this.continueFrame(),
      () => {
        if (!this.isClosed) this.parts.onAborted();
      },
    );
    this.pump();
  }

  /** True if a frame has been sent in part: nothing else may be sent before the rest of it. */
  get isMidFrame(): boolean {
    const last = this.entries.findLast(({ sent }) => sent > 0);
    return last !== undefined && last.sent < last.frame.messages.length;
  }

  /** How long messages have been waiting without the operating system accepting any of them. */
  stalledMs(nowMs: number): number {
    const [first] = this.entries;
    // A frame that has not arrived itself cannot be read by the worker.
    const isArriving = first && first.accepted === first.frame.readyCount;
    return !first || isArriving ? 0 : nowMs - this.waitingSinceMs;
  }

  /** Drops the queue; messages already handed to the transport may still be sent. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const { frame } of this.entries.splice(0)) this.parts.budget.remove(frame);
    this.queuedBytes = 0;
  }

  /** More of a frame has arrived. */
  private continueFrame(): void {
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
