// Frames over a transport, for both sides: splits outgoing frames into messages, and assembles frames from incoming ones.
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

/** For both sides: no compression (gradients do not compress), and a limit on the size of a message. */
export function socketOptions(maxPayload: number): {
  perMessageDeflate: false;
  maxPayload: number;
} {
  return { perMessageDeflate: false, maxPayload };
}

/** An outgoing frame: one message, followed by the messages of its tail, in chunks. It may be sent to many receivers. */
export class OutgoingFrame {
  readonly messages: readonly Uint8Array[];
  readonly byteLength: number;
  /** Receivers that it has not been sent to yet. */
  receiverCount = 0;
  /** Its messages that transports still hold, including those of connections that are closing. */
  inFlightCount = 0;

  constructor(head: Uint8Array, tail: readonly ArrayBufferView[] = []) {
    this.messages = [head, ...tail.flatMap(intoChunks)];
    this.byteLength = this.messages.reduce((total, message) => total + message.byteLength, 0);
  }

  /** The number of messages that can be sent already. */
  get readyCount(): number {
    return this.messages.length;
  }

  /** If the frame is incomplete: calls back when more messages can be sent, or when the rest will never arrive. */
  readonly watch: (onReady: () => void, onAborted: () => void) => void = () => undefined;

  /** While true, the frame's memory must not change. */
  get isInUse(): boolean {
    return this.receiverCount > 0 || this.inFlightCount > 0;
  }
}

/** A frame that is forwarded while it is being received: the part of its tail that has arrived can be sent. */
export class ArrivingFrame extends OutgoingFrame {
  private arrivedCount = 1;
  /** Bytes of the tail's next message. */
  private arrivedBytes = 0;
  private watchers: { onReady: () => void; onAborted: () => void }[] = [];

  override get readyCount(): number {
    return this.arrivedCount;
  }

  override readonly watch = (onReady: () => void, onAborted: () => void): void => {
    if (this.arrivedCount < this.messages.length) this.watchers.push({ onReady, onAborted });
  };

  /** @param byteLength of the next part of the tail, which has been written to its place */
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

  /** The rest will not arrive. */
  abort(): void {
    for (const { onAborted } of this.watchers.splice(0)) onAborted();
  }
}

/** Sends a message immediately, without waiting for earlier ones to drain. */
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
 * Returns the memory that the parts of a tail are written to as they arrive, one array of the right length per part.
 * @param parts those of the frame's first message
 * @throws FrameError if a frame with this header cannot have such a tail
 */
export type TailPlaces = (
  header: Readonly<Record<string, unknown>>,
  lengths: readonly number[],
  parts: readonly Uint8Array[],
) => Uint8Array[];

/** Assembles frames from messages. */
export class FrameReader {
  private readonly places: TailPlaces | undefined;
  private readonly onTail: (byteLength: number) => void;
  private unfinished: { frame: Frame; places: Uint8Array[]; filled: number } | undefined;

  /**
   * @param places for tails, which only the coordinator's frames have; without it a frame with a tail is refused
   * @param onTail called with the number of bytes each time a part of a tail has been written
   */
  constructor(places?: TailPlaces, onTail: (byteLength: number) => void = () => undefined) {
    this.places = places;
    this.onTail = onTail;
  }

  /**
   * @returns the frame, once it is complete
   * @throws FrameError if the message neither is a frame nor continues one
   */
  read(message: Uint8Array, isBinary = true): Frame | undefined {
    if (!isBinary) throw new FrameError("expected a binary message, got text");
    if (this.unfinished) return this.readTail(this.unfinished, message);
    const limits = this.places ? COORDINATOR_FRAME_LIMITS : WORKER_FRAME_LIMITS;
    const frame = decodeFrame(message, limits);
    if (frame.tail.length === 0) return frame;
    if (!this.places) throw new FrameError("a tail is not allowed here");
    this.unfinished = {
      frame,
      places: this.places(frame.header, frame.tail, frame.parts),
      filled: 0,
    };
    return undefined;
  }

  private readTail(
    unfinished: { frame: Frame; places: Uint8Array[]; filled: number },
    message: Uint8Array,
  ): Frame | undefined {
    const { frame, places } = unfinished;
    const place = places[0]!;
    if (unfinished.filled + message.length > place.length) {
      throw new FrameError("more bytes than the part of the tail has");
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
