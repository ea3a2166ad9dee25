// One end of a connection in this process: what its owner sends is recorded, and the test plays the other end. If it does not
// accept immediately, the test decides when the operating system accepts messages, as for a peer that reads slowly or not at all.
import { decodeFrame, encodeFrame } from "../../src/shared/protocol/frame.js";
import type { Transport, TransportHandlers } from "../../src/shared/protocol/transport.js";

interface Pending {
  message: Uint8Array;
  onDrained: () => void;
}

export class MemoryTransport implements Transport {
  isOpen = true;
  readonly reportsBytes: boolean;
  bytesReceived = 0;
  bytesSent = 0;
  pings = 0;
  closed: { code: number; reason: string } | undefined;
  isDestroyed = false;
  isReading = true;
  /** Messages that were sent and are not accepted yet. */
  readonly pending: Pending[] = [];
  private readonly acceptsAtOnce: boolean;
  private readonly accepted: Uint8Array[] = [];
  private handlers: TransportHandlers | undefined;

  constructor({ acceptsAtOnce = true, reportsBytes = true } = {}) {
    this.reportsBytes = reportsBytes;
    this.acceptsAtOnce = acceptsAtOnce;
  }

  /** The headers of the accepted messages that are complete frames. */
  get sent(): Record<string, unknown>[] {
    return this.accepted.map((message) => decodeFrame(message).header);
  }

  get unsentBytes(): number {
    return this.pending.reduce((bytes, { message }) => bytes + message.byteLength, 0);
  }

  open(handlers: TransportHandlers): void {
    this.handlers = handlers;
  }

  send(message: Uint8Array, onDrained: () => void = () => undefined): void {
    this.pending.push({ message, onDrained });
    if (this.acceptsAtOnce) this.accept();
  }

  ping(): void {
    this.pings++;
  }

  close(code: number, reason: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.closed = { code, reason };
  }

  stopReading(): void {
    this.isReading = false;
  }

  destroy(): void {
    this.isDestroyed = true;
    this.end(1006, "");
  }

  // ── called by the test ──

  /** The operating system accepts this many messages; default: all. */
  accept(count = Infinity): Uint8Array[] {
    const messages: Uint8Array[] = [];
    while (this.pending.length > 0 && messages.length < count) {
      const { message, onDrained } = this.pending.shift()!;
      this.bytesSent += message.byteLength;
      messages.push(message);
      this.accepted.push(message);
      onDrained();
    }
    return messages;
  }

  /** The other end sends a message. */
  receive(header: object, parts: readonly ArrayBufferView[] = []): void {
    this.receiveBytes(encodeFrame(header, parts));
  }

  receiveBytes(message: Uint8Array, isBinary = true): void {
    this.receivePart(message.byteLength);
    this.handlers?.onMessage(message, isBinary);
  }

  /** Bytes of an incomplete message, or of a ping. */
  receivePart(byteLength: number): void {
    this.bytesReceived += byteLength;
    this.handlers?.onBytes?.(byteLength);
  }

  receivePong(): void {
    this.receivePart(6);
    this.handlers?.onPong?.();
  }

  fail(error: Error): void {
    this.handlers?.onError?.(error);
    this.end(1006, "");
  }

  /** The other end closes the connection. */
  end(code: number, reason: string): void {
    const { handlers } = this;
    this.isOpen = false;
    this.handlers = undefined;
    handlers?.onClose(code, reason);
  }
}
