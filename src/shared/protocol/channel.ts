// A WebSocket that carries frames, the same on both sides.
import type { WebSocket } from "ws";
import { byteLengthOf, decodeFrame, encodeFrame, type Frame, FrameError } from "./frame.js";

/** Below this the pieces of a frame are put together: a system call costs more than the copy. */
const COALESCE_BYTES = 64 * 1024;

/** Both ends: no compression (gradients do not compress), and a limit on what one message may hold. */
export function socketOptions(maxPayload: number): {
  perMessageDeflate: false;
  maxPayload: number;
} {
  return { perMessageDeflate: false, maxPayload };
}

/** Sends a frame; `onSent` is called when it has left this process, or cannot any more. */
export function sendPieces(socket: WebSocket, pieces: readonly Uint8Array[], onSent?: () => void) {
  const done = () => onSent?.();
  if (byteLengthOf(pieces) <= COALESCE_BYTES) {
    socket.send(Buffer.concat(pieces), { binary: true }, done);
    return;
  }
  pieces.forEach((piece, index) => {
    const fin = index === pieces.length - 1;
    if (fin) socket.send(piece, { binary: true, fin }, done);
    else socket.send(piece, { binary: true, fin });
  });
}

export function sendMessage(
  socket: WebSocket,
  header: object,
  parts: readonly ArrayBufferView[] = [],
): void {
  sendPieces(socket, encodeFrame(header, parts));
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
