// A transport over a WebSocket of `ws`, in Node: for coordinators, relays and workers.
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { cutToBytes } from "../text.js";
import { MAX_REASON_BYTES, type Transport, type TransportHandlers } from "./transport.js";

export class WebSocketTransport implements Transport {
  readonly reportsBytes = true;
  private readonly socket: WebSocket;
  private readonly stream: Socket;
  private readonly receivedBefore: number;
  private readonly sentBefore: number;

  /** @param stream the TCP or TLS socket under the WebSocket */
  constructor(socket: WebSocket, stream: Socket) {
    this.socket = socket;
    this.stream = stream;
    this.receivedBefore = stream.bytesRead;
    this.sentBefore = stream.bytesWritten;
  }

  get isOpen(): boolean {
    return this.socket.readyState === this.socket.OPEN;
  }

  get bytesReceived(): number {
    return this.stream.bytesRead - this.receivedBefore;
  }

  get bytesSent(): number {
    return this.stream.bytesWritten - this.sentBefore;
  }

  get unsentBytes(): number {
    return this.socket.bufferedAmount;
  }

  open(handlers: TransportHandlers): void {
    const { socket, stream } = this;
    socket.on("message", (data: Buffer, isBinary: boolean) => handlers.onMessage(data, isBinary));
    socket.on("ping", () => handlers.onPing?.());
    socket.on("pong", () => handlers.onPong?.());
    socket.on("error", (error) => handlers.onError?.(error));
    socket.on("close", (code, reason) => handlers.onClose(code, reason.toString()));
    // Before the receiver of `ws`, so that a limit on bytes applies before they are buffered.
    if (handlers.onBytes) {
      stream.prependListener("data", (data: Buffer) => handlers.onBytes?.(data.byteLength));
    }
  }

  send(message: Uint8Array, onDrained: () => void = () => undefined): void {
    this.socket.send(message, { binary: true }, () => onDrained());
  }

  ping(): void {
    if (this.isOpen) this.socket.ping();
  }

  close(code: number, reason: string): void {
    this.socket.close(code, cutToBytes(reason, MAX_REASON_BYTES));
  }

  stopReading(): void {
    this.socket.pause();
    this.stream.pause();
  }

  destroy(): void {
    this.socket.terminate();
  }
}
