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

/** Sends an encoded frame; `onSent` is called when it has left this process, or cannot any more. */
export function sendFrame(socket: WebSocket, frame: Buffer, onSent?: () => void): void {
  socket.send(frame, { binary: true }, () => onSent?.());
}

export function sendMessage(
  socket: WebSocket,
  header: object,
  parts: readonly ArrayBufferView[] = [],
): void {
  sendFrame(socket, encodeFrame(header, parts));
}

/**
 * Calls `onFrame` with each message that arrives. What it throws as a FrameError, or what is no frame, goes to `onBad`.
 */
export function receiveFrames(
  socket: WebSocket,
  onFrame: (frame: Frame) => void,
  onBad: (error: FrameError) => void,
): void {
  socket.on("message", (data: Buffer, isBinary: boolean) => {
    try {
      if (!isBinary) throw new FrameError("text where binary messages are expected");
      onFrame(decodeFrame(data));
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      onBad(error);
    }
  });
}
