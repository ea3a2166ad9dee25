// A transport over a browser's own WebSocket, which hides more than `ws` does: no pings, no bytes of an unfinished message, and
// no word about when the operating system has accepted something.
import { cutToBytes } from "../shared/text.js";
import {
  MAX_REASON_BYTES,
  type Transport,
  type TransportHandlers,
} from "../shared/protocol/transport.js";

/** What is used here of a WebSocket (https://websockets.spec.whatwg.org/#the-websocket-interface). */
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
/** How often is looked whether the browser has sent what somebody waits for. */
const DRAIN_POLL_MS = 50;
/** The only codes that a script may close with (WHATWG WebSockets, `close`). */
const NORMAL_CLOSURE = 1000;
const FIRST_FREE_CODE = 3000;
/** What a closed connection says that was not closed in order (RFC 6455, section 7.1.5). */
const ABNORMAL_CLOSURE = 1006;

export class BrowserTransport implements Transport {
  readonly reportsBytes = false;
  bytesReceived = 0;
  private readonly socket: BrowserSocket;
  private handlers: TransportHandlers | undefined;
  private isReading = true;
  private givenBytes = 0;
  /** Who waits until how many bytes are sent, in the order of the messages. */
  private readonly waiting: { upToBytes: number; onDrained: () => void }[] = [];
  private pollTimer: ReturnType<typeof setInterval> | undefined;

  /** @param socket that is open, with a `binaryType` of `arraybuffer` */
  constructor(socket: BrowserSocket) {
    this.socket = socket;
  }

  get isOpen(): boolean {
    return this.socket.readyState === OPEN;
  }

  /** Of messages, without the protocol's overhead: what the browser has handed to the network. */
  get bytesSent(): number {
    return this.givenBytes - this.socket.bufferedAmount;
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

  /** The browser copies the message at once; `onDrained` says when it has sent it, as closely as polling can tell. */
  send(message: Uint8Array, onDrained?: () => void): void {
    this.socket.send(message);
    this.givenBytes += message.byteLength;
    if (!onDrained) return;
    this.waiting.push({ upToBytes: this.givenBytes, onDrained });
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

  /** Scripts can only begin the closing handshake; whatever comes of it is not reported any more. */
  destroy(): void {
    this.socket.close();
    this.end(ABNORMAL_CLOSURE, "");
  }

  private receive(data: unknown): void {
    const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : undefined;
    // A text's bytes are not looked at: no message of Tandem's is one.
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
