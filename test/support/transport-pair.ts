// Two ends of a connection in this process, for tests of both sides together: messages arrive in order, in a later turn of
// the event loop, and as copies, as over a socket.
import type { Transport, TransportHandlers } from "../../src/shared/protocol/transport.js";

class PairedTransport implements Transport {
  isOpen = true;
  readonly reportsBytes = true;
  bytesReceived = 0;
  bytesSent = 0;
  readonly unsentBytes = 0;
  peer: PairedTransport | undefined;
  private handlers: TransportHandlers | undefined;

  open(handlers: TransportHandlers): void {
    this.handlers = handlers;
  }

  send(message: Uint8Array, onDrained: () => void = () => undefined): void {
    const copy = new Uint8Array(message);
    this.bytesSent += copy.byteLength;
    setImmediate(() => {
      this.peer?.receive(copy);
      onDrained();
    });
  }

  ping(): void {
    setImmediate(() => {
      this.peer?.handlers?.onPing?.();
      this.handlers?.onPong?.();
    });
  }

  close(code: number, reason: string): void {
    if (!this.isOpen) return;
    setImmediate(() => {
      this.peer?.end(code, reason);
      this.end(code, reason);
    });
  }

  stopReading(): void {
    this.handlers = undefined;
  }

  destroy(): void {
    this.end(1006, "");
    this.peer?.end(1006, "");
  }

  private receive(message: Uint8Array): void {
    if (!this.isOpen) return;
    this.bytesReceived += message.byteLength;
    this.handlers?.onBytes?.(message.byteLength);
    this.handlers?.onMessage(message, true);
  }

  private end(code: number, reason: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.handlers?.onClose(code, reason);
  }
}

export function transportPair(): [Transport, Transport] {
  const [left, right] = [new PairedTransport(), new PairedTransport()];
  left.peer = right;
  right.peer = left;
  return [left, right];
}
