// The two ends of a connection in one process. Nothing moves by itself: a test says when the other end's operating system
// accepts what was sent, so a slow or a deaf peer is one that accepts little or nothing.
import type { Transport, TransportHandlers } from "../../src/shared/protocol/transport.js";

interface Pending {
  message: Uint8Array;
  onDrained: () => void;
}

export class MemoryTransport implements Transport {
  isOpen = true;
  bytesReceived = 0;
  bytesSent = 0;
  /** What the owner has sent and nobody has accepted yet. */
  readonly pending: Pending[] = [];
  /** What was accepted, in order. */
  readonly accepted: Uint8Array[] = [];
  pings = 0;
  closedWith: { code: number; reason: string } | undefined;
  wasDestroyed = false;
  private handlers: TransportHandlers | undefined;

  open(handlers: TransportHandlers): void {
    this.handlers = handlers;
  }

  send(message: Uint8Array, onDrained: () => void = () => undefined): void {
    this.pending.push({ message, onDrained });
  }

  ping(): void {
    this.pings++;
  }

  close(code: number, reason: string): void {
    this.closedWith ??= { code, reason };
    this.isOpen = false;
  }

  destroy(): void {
    this.wasDestroyed = true;
    this.isOpen = false;
  }

  // ── what the test does ──

  /** The operating system accepts so many messages; all, where no number is given. */
  accept(count = Infinity): Uint8Array[] {
    const messages: Uint8Array[] = [];
    while (this.pending.length > 0 && messages.length < count) {
      const { message, onDrained } = this.pending.shift()!;
      this.bytesSent += message.byteLength;
      messages.push(message);
      onDrained();
    }
    this.accepted.push(...messages);
    return messages;
  }

  /** The other end sends a message. */
  deliver(message: Uint8Array, isBinary = true): void {
    this.deliverBytes(message.byteLength);
    this.handlers?.onMessage(message, isBinary);
  }

  /** Bytes of a message that is not complete. */
  deliverBytes(byteLength: number): void {
    this.bytesReceived += byteLength;
    this.handlers?.onBytes?.(byteLength);
  }

  deliverPing(): void {
    this.handlers?.onPing?.();
  }

  deliverPong(): void {
    this.deliverBytes(6);
    this.handlers?.onPong?.();
  }

  /** The connection breaks, or the other end closes it. */
  break(code = 1006, reason = ""): void {
    this.isOpen = false;
    this.handlers?.onClose(code, reason);
  }
}
