// Frames over a transport, the same on both sides: what is sent, and messages put together to frames.
import { CHUNK_BYTES } from "../replica/state-layout.js";
import {
  COORDINATOR_FRAME_LIMITS,
  decodeFrame,
  encodeFrame,
  type Frame,
  FrameError,
  WORKER_FRAME_LIMITS,
} from "./frame.js";
import type { Transport } from "./transport.js";

/** Both ends: no compression (gradients do not compress), and a limit on what one message may hold. */
export function socketOptions(maxPayload: number): {
  perMessageDeflate: false;
  maxPayload: number;
} {
  return { perMessageDeflate: false, maxPayload };
}

/** A frame as it is sent: one message, and those with the chunks of its tail. One frame may go to many receivers. */
export class OutgoingFrame {
  readonly messages: readonly Uint8Array[];
  readonly byteLength: number;
  /** Receivers that it is still to be sent to. */
  receiverCount = 0;
  /** Messages of it that transports hold, those of connections being closed included. */
  inFlightCount = 0;

  constructor(head: Uint8Array, tail: readonly ArrayBufferView[] = []) {
    this.messages = [head, ...tail.flatMap(intoChunks)];
    this.byteLength = this.messages.reduce((total, message) => total + message.byteLength, 0);
  }

  /** Messages that can be sent by now. */
  get readyCount(): number {
    return this.messages.length;
  }

  /** Where not all of it can be sent yet: calls back when more can, or when the rest will never come. */
  readonly watch: (onReady: () => void, onAborted: () => void) => void = () => undefined;

  /** While true, the frame's memory must stay as it is. */
  get isInUse(): boolean {
    return this.receiverCount > 0 || this.inFlightCount > 0;
  }
}

/** A frame that is sent on while it is received: its tail can be sent as far as it has come. */
export class ArrivingFrame extends OutgoingFrame {
  private arrivedCount = 1;
  /** Of the tail. */
  private arrivedBytes = 0;
  private watchers: { onReady: () => void; onAborted: () => void }[] = [];

  override get readyCount(): number {
    return this.arrivedCount;
  }

  override readonly watch = (onReady: () => void, onAborted: () => void): void => {
    if (this.arrivedCount < this.messages.length) this.watchers.push({ onReady, onAborted });
  };

  /** So many bytes more of the tail are where they belong. */
  noteArrived(byteLength: number): void {
    this.arrivedBytes += byteLength;
    let next = this.messages[this.arrivedCount];
    while (next && next.byteLength <= this.arrivedBytes) {
      this.arrivedBytes -= next.byteLength;
      next = this.messages[++this.arrivedCount];
    }
    const { watchers } = this;
    if (!next) this.watchers = [];
    for (const { onReady } of watchers) onReady();
  }

  /** The rest will not come. */
  abort(): void {
    for (const { onAborted } of this.watchers.splice(0)) onAborted();
  }
}

/** Sends a message at once, without waiting for what was sent before. */
export function sendMessage(
  transport: Pick<Transport, "send">,
  header: object,
  parts: readonly ArrayBufferView[] = [],
): void {
  transport.send(encodeFrame(header, parts));
}

function intoChunks({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array[] {
  const count = Math.ceil(byteLength / CHUNK_BYTES);
  return Array.from({ length: count }, (_, index) => {
    const from = index * CHUNK_BYTES;
    return new Uint8Array(buffer, byteOffset + from, Math.min(CHUNK_BYTES, byteLength - from));
  });
}

/**
 * Where the parts of a tail are written as they arrive: a place of its length for each.
 * @param parts those that have come already
 * @throws FrameError where a frame with this header has no such tail
 */
export type TailPlaces = (
  header: Readonly<Record<string, unknown>>,
  lengths: readonly number[],
  parts: readonly Uint8Array[],
) => Uint8Array[];

/** Puts messages together to frames. */
export class FrameReader {
  private readonly places: TailPlaces | undefined;
  private readonly onTail: (byteLength: number) => void;
  private unfinished: { frame: Frame; places: Uint8Array[]; filled: number } | undefined;

  /**
   * @param places where frames may go on in messages of their own, as the coordinator's do
   * @param onTail called when so many bytes of a tail have been written
   */
  constructor(places?: TailPlaces, onTail: (byteLength: number) => void = () => undefined) {
    this.places = places;
    this.onTail = onTail;
  }

  /**
   * @returns the frame, once it is whole
   * @throws FrameError where the message is not, or does not go on, a frame
   */
  take(message: Uint8Array, isBinary = true): Frame | undefined {
    if (!isBinary) throw new FrameError("text where binary messages are expected");
    if (this.unfinished) return this.goOn(this.unfinished, message);
    const limits = this.places ? COORDINATOR_FRAME_LIMITS : WORKER_FRAME_LIMITS;
    const frame = decodeFrame(message, limits);
    if (frame.tail.length === 0) return frame;
    if (!this.places) throw new FrameError("a tail where none is allowed");
    this.unfinished = {
      frame,
      places: this.places(frame.header, frame.tail, frame.parts),
      filled: 0,
    };
    return undefined;
  }

  private goOn(
    unfinished: { frame: Frame; places: Uint8Array[]; filled: number },
    message: Uint8Array,
  ): Frame | undefined {
    const { frame, places } = unfinished;
    const place = places[0]!;
    if (unfinished.filled + message.length > place.length) {
      throw new FrameError("more bytes than the tail's part has");
    }
    place.set(message, unfinished.filled);
    this.onTail(message.length);
    unfinished.filled += message.length;
    if (unfinished.filled < place.length) return undefined;
    unfinished.filled = 0;
    places.shift();
    frame.tail.shift();
    frame.parts.push(place);
    if (places.length > 0) return undefined;
    this.unfinished = undefined;
    return frame;
  }
}
