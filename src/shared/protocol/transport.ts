// A connection that carries messages in both directions: over a WebSocket of `ws` (ws-transport.ts), over a browser's
// (worker/browser-transport.ts), or within one process in tests. It does not interpret the messages.

/** The longest reason in a close frame (RFC 6455, section 5.5), which has 125 bytes, two of them for the code. */
export const MAX_REASON_BYTES = 123;

/** What a transport reports to its owner. `onClose` is called exactly once, and no other handler after it. */
export interface TransportHandlers {
  onMessage(message: Uint8Array, isBinary: boolean): void;
  /** Bytes arrived, whether or not they complete a message. */
  onBytes?(byteLength: number): void;
  onPing?(): void;
  onPong?(): void;
  /** @param code 1006 if the connection broke without a closing handshake (RFC 6455, section 7.1.5) */
  onClose(code: number, reason: string): void;
  /** The other end violated the WebSocket protocol, or the connection failed; `onClose` follows. */
  onError?(error: Error): void;
}

export interface Transport {
  /** False once the connection is closing or closed. */
  readonly isOpen: boolean;
  /**
   * True if bytes and pings are reported as they arrive. A browser reports complete messages only, and answers pings silently.
   */
  readonly reportsBytes: boolean;
  /** Bytes received from and handed to the operating system, including protocol overhead. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Bytes of sent messages that the operating system has not accepted yet. */
  readonly unsentBytes: number;
  /** Starts calling the handlers. Call it once, in the turn of the event loop that created the transport. */
  open(handlers: TransportHandlers): void;
  /**
   * Sends one binary message. Its memory must not change until `onDrained`.
   * @param onDrained called once, when the operating system has accepted all of it or the connection has failed
   */
  send(message: Uint8Array, onDrained?: () => void): void;
  ping(): void;
  /** Begins the closing handshake. */
  close(code: number, reason: string): void;
  /** Stops reading, so that incoming data takes no more memory. `destroy` must follow. */
  stopReading(): void;
  /** Ends the connection immediately. */
  destroy(): void;
}
