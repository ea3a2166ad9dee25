// One end of a connection in this process: what its owner sends is kept, and a test plays the other end.
import { decodeFrame, encodeFrame } from "../../src/shared/protocol/frame.js";
import type { Transport, TransportHandlers } from "../../src/shared/protocol/transport.js";

export class MemoryTransport implements Transport {
  isOpen = true;
  bytesReceived = 0;
  bytesSent = 0;
  readonly sent: Record<string, unknown>[] = [];
  closed: { code: number; reason: string } | undefined;
  isDestroyed = false;
  private handlers: TransportHandlers | undefined;

  open(handlers: TransportHandlers): void {
    this.handlers = handlers;
  }

  send(message: Uint8Array, onDrained?: () => void): void {
    this.sent.push(decodeFrame(message).header);
    this.bytesSent += message.byteLength;
    onDrained?.();
  }

  ping(): void {
    // the other end is not played for pings
  }

  close(code: number, reason: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.closed = { code, reason };
  }

  destroy(): void {
    this.isDestroyed = true;
    this.end(1006, "");
  }

  /** The other end sends a message. */
  receive(header: object, parts: readonly ArrayBufferView[] = []): void {
    this.receiveBytes(encodeFrame(header, parts));
  }

  receiveBytes(message: Uint8Array, isBinary = true): void {
    this.receivePart(message.byteLength);
    this.handlers?.onMessage(message, isBinary);
  }

  /** Bytes that make no message yet, or a ping. */
  receivePart(byteLength: number): void {
    this.bytesReceived += byteLength;
    this.handlers?.onBytes?.(byteLength);
  }

  fail(error: Error): void {
    this.handlers?.onError?.(error);
    this.end(1006, "");
  }

  /** The connection is over, as by the other end. */
  end(code: number, reason: string): void {
    const { handlers } = this;
    this.isOpen = false;
    this.handlers = undefined;
    handlers?.onClose(code, reason);
  }
}
