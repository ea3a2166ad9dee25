// A connection that carries whole messages in both directions, whatever is underneath: a WebSocket of `ws`, one of a
// browser, or two ends in one process in a test. What the messages mean is not its business.
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { cutToBytes } from "../text.js";

/** What a close frame holds of a reason (RFC 6455, section 5.5): 125 bytes, two of them the code. */
const MAX_REASON_BYTES = 123;

/** What a transport reports to its owner. Each may be called until `onClose`, which is called exactly once. */
export interface TransportHandlers {
  onMessage(message: Uint8Array, isBinary: boolean): void;
  /** Bytes arrived, whether or not they make a message. */
  onBytes?(byteLength: number): void;
  onPing?(): void;
  onPong?(): void;
  /** @param code 1006 where the connection broke without a closing handshake (RFC 6455, section 7.1.5) */
  onClose(code: number, reason: string): void;
  /** The other end broke the WebSocket protocol, or the connection failed; `onClose` follows. */
  onError?(error: Error): void;
}

export interface Transport {
  /** False as soon as the connection is closed, or being closed. */
  readonly isOpen: boolean;
  /** Bytes that have arrived and that were handed to the operating system, protocol overhead included. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** From now on the handlers are called. To be called once, in the same turn of the event loop that made the transport. */
  open(handlers: TransportHandlers): void;
  /**
   * Sends one binary message. Its memory must stay as it is until `onDrained`.
   * @param onDrained called once, when the operating system has accepted all of it, or when it never will
   */
  send(message: Uint8Array, onDrained?: () => void): void;
  ping(): void;
  /** Begins the closing handshake. */
  close(code: number, reason: string): void;
  /** Nothing more that arrives is read, or takes memory. To be followed by `destroy`. */
  stopReading(): void;
  /** Ends the connection at once. */
  destroy(): void;
}

/** A WebSocket of `ws`, on either side. */
export class WebSocketTransport implements Transport {
  private readonly socket: WebSocket;
  private readonly stream: Socket;
  private readonly receivedBefore: number;
  private readonly sentBefore: number;

  /** @param stream what the WebSocket runs over: a TCP or TLS socket */
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

  open(handlers: TransportHandlers): void {
    const { socket, stream } = this;
    socket.on("message", (data: Buffer, isBinary: boolean) => handlers.onMessage(data, isBinary));
    socket.on("ping", () => handlers.onPing?.());
    socket.on("pong", () => handlers.onPong?.());
    socket.on("error", (error) => handlers.onError?.(error));
    socket.on("close", (code, reason) => handlers.onClose(code, reason.toString()));
    // Before the receiver of `ws`: a limit on bytes must hold before they are buffered.
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
