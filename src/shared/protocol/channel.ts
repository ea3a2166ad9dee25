// A WebSocket that carries frames, the same on both sides.
import type { WebSocket } from "ws";
import { decodeFrame, encodeFrame, type Frame, FrameError } from "./frame.js";

/** Both ends: no compression (gradients do not compress), and a limit on what one message may hold. */
export function socketOptions(maxPayload: number): {
  perMessageDeflate: false;
  maxPayload: number;
} {
  return { perMessageDeflate: false, maxPayload };
}

/** A frame as it is sent: its bytes, and the parts that follow as messages of their own. */
export interface EncodedFrame {
  head: Buffer;
  tail: readonly ArrayBufferView[];
}

/** Sends an encoded frame; `onSent` is called when it has left this process, or cannot any more. */
export function sendFrame(
  socket: WebSocket,
  { head, tail }: EncodedFrame,
  onSent: () => void = () => undefined,
): void {
  const pieces = [head, ...tail];
  pieces.forEach((piece, index) => {
    const isLast = index === pieces.length - 1;
    socket.send(piece, { binary: true }, isLast ? () => onSent() : () => undefined);
  });
}

export function sendMessage(
  socket: WebSocket,
  header: object,
  parts: readonly ArrayBufferView[] = [],
): void {
  sendFrame(socket, { head: encodeFrame(header, parts), tail: [] });
}

/** Puts messages together to frames. */
export class FrameReader {
  private readonly takesTails: boolean;
  private unfinished: Frame | undefined;

  /** @param takesTails whether frames may go on in messages of their own, as the coordinator's do */
  constructor(takesTails: boolean) {
    this.takesTails = takesTails;
  }

  /**
   * @returns the frame, once it is whole
   * @throws FrameError where the message is not, or does not go on, a frame
   */
  take(message: Uint8Array): Frame | undefined {
    const frame = this.unfinished ?? decodeFrame(message);
    if (this.unfinished) {
      frame.parts.push(message);
      frame.tail--;
    }
    if (frame.tail > 0 && !this.takesTails) throw new FrameError("a tail where none may be");
    this.unfinished = frame.tail > 0 ? frame : undefined;
    return this.unfinished ? undefined : frame;
  }
}

/**
 * Calls `onFrame` with each frame that arrives. What it throws as a FrameError, or what is no frame, goes to `onBad`.
 */
export function receiveFrames(
  socket: WebSocket,
  reader: FrameReader,
  onFrame: (frame: Frame) => void,
  onBad: (error: FrameError) => void,
): void {
  socket.on("message", (data: Buffer, isBinary: boolean) => {
    try {
      if (!isBinary) throw new FrameError("text where binary messages are expected");
      const frame = reader.take(data);
      if (frame) onFrame(frame);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      onBad(error);
    }
  });
}
