// A connection that carries whole messages in both directions, whatever is underneath: a WebSocket of `ws`
// (ws-transport.ts), one of a browser (worker/browser-transport.ts), or two ends in one process in a test. What the messages
// mean is not its business.

/** What a close frame holds of a reason (RFC 6455, section 5.5): 125 bytes, two of them the code. */
export const MAX_REASON_BYTES = 123;

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
  /**
   * True where every byte and every ping that arrives is reported at once. A browser reports a message when it is whole, and
   * answers pings without a word.
   */
  readonly reportsBytes: boolean;
  /** Bytes that have arrived and that were handed to the operating system, protocol overhead included. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Bytes of messages that it was given and the operating system has not accepted yet. */
  readonly unsentBytes: number;
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
