// A transport over a browser's own WebSocket, which exposes less than `ws`: no pings, no bytes of an incomplete message, and no
// notice when the operating system has accepted a message.
import { cutToBytes } from "../shared/text.js";
import {
  MAX_REASON_BYTES,
  type Transport,
  type TransportHandlers,
} from "../shared/protocol/transport.js";

/** The part of WebSocket that is used here (https://websockets.spec.whatwg.org/#the-websocket-interface). */
export interface BrowserSocket {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onerror: (() => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  send(message: Uint8Array): void;
  close(code?: number, reason?: string): void;
}

const OPEN = 1;
/** Interval at which `bufferedAmount` is polled while callbacks wait. */
const DRAIN_POLL_MS = 50;
/** A script may only close with 1000, or with codes from 3000 on (WHATWG WebSockets, `close`). */
const NORMAL_CLOSURE = 1000;
const FIRST_FREE_CODE = 3000;
/** Reported for a connection that was not closed properly (RFC 6455, section 7.1.5). */
const ABNORMAL_CLOSURE = 1006;

export class BrowserTransport implements Transport {
  readonly reportsBytes = false;
  bytesReceived = 0;
  private readonly socket: BrowserSocket;
  private handlers: TransportHandlers | undefined;
  private isReading = true;
  private queuedTotalBytes = 0;
  /** Callbacks, each with the number of sent bytes that it waits for, in the order of the messages. */
  private readonly waiting: { upToBytes: number; onDrained: () => void }[] = [];
  private pollTimer: ReturnType<typeof setInterval> | undefined;

  /** @param socket an open socket with the `binaryType` `arraybuffer` */
  constructor(socket: BrowserSocket) {
    this.socket = socket;
  }

  get isOpen(): boolean {
    return this.socket.readyState === OPEN;
  }

  /** Bytes of messages that the browser has handed to the network, without the protocol's overhead. */
  get bytesSent(): number {
    return this.queuedTotalBytes - this.socket.bufferedAmount;
  }

  get unsentBytes(): number {
    return this.socket.bufferedAmount;
  }

  open(handlers: TransportHandlers): void {
    this.handlers = handlers;
    this.socket.onmessage = ({ data }) => this.receive(data);
    this.socket.onerror = () => this.handlers?.onError?.(new Error("the connection failed"));
    this.socket.onclose = ({ code, reason }) => this.end(code, reason);
  }

  /** The browser copies the message immediately; `onDrained` is called once polling shows that it has been sent. */
  send(message: Uint8Array, onDrained?: () => void): void {
    this.socket.send(message);
    this.queuedTotalBytes += message.byteLength;
    if (!onDrained) return;
    this.waiting.push({ upToBytes: this.queuedTotalBytes, onDrained });
    this.pollTimer ??= setInterval(() => this.reportDrained(this.bytesSent), DRAIN_POLL_MS);
  }

  /** Scripts cannot ping. */
  ping(): void {}

  close(code: number, reason: string): void {
    const allowed = code === NORMAL_CLOSURE || code >= FIRST_FREE_CODE;
    const text = cutToBytes(reason, MAX_REASON_BYTES);
    this.socket.close(allowed ? code : NORMAL_CLOSURE, text);
  }

  stopReading(): void {
    this.isReading = false;
  }

  /** Scripts can only start the closing handshake; its outcome is no longer reported. */
  destroy(): void {
    this.socket.close();
    this.end(ABNORMAL_CLOSURE, "");
  }

  private receive(data: unknown): void {
    const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : undefined;
    // Text messages are never valid, so their content is not passed on.
    const byteLength = bytes?.byteLength ?? String(data).length;
    this.bytesReceived += byteLength;
    if (!this.isReading) return;
    this.handlers?.onBytes?.(byteLength);
    this.handlers?.onMessage(bytes ?? new Uint8Array(0), bytes !== undefined);
  }

  private reportDrained(sentBytes: number): void {
    while (this.waiting.length > 0 && this.waiting[0]!.upToBytes <= sentBytes) {
      this.waiting.shift()!.onDrained();
    }
    if (this.waiting.length > 0) return;
    clearInterval(this.pollTimer);
    this.pollTimer = undefined;
  }

  private end(code: number, reason: string): void {
    const { handlers } = this;
    if (!handlers) return;
    this.handlers = undefined;
    this.reportDrained(Infinity);
    handlers.onClose(code, reason);
  }
}
