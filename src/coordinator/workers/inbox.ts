// What one worker may send: as many bytes and messages as it was asked for, and a little more. Frames come out whole.
import { FrameReader } from "../../shared/protocol/channel.js";
import type { Frame } from "../../shared/protocol/frame.js";

/** `hello`, `ready`, `goodbye`, pongs; more than they have, and so little that a thousand silent peers pin nothing. */
const SPARE_BYTES = 16 * 1024;
/** Messages beyond one for each that was asked for: the same, and answers that are sent twice. */
const SPARE_MESSAGES = 64;
/** Of a WebSocket frame and the header in it. */
const OVERHEAD_BYTES = 32 * 1024;
/** An answer that is sent twice is no offence. */
const ANSWERS_ALLOWED = 2;

/** The worker sent more than it was asked for. */
export class ExcessError extends Error {}

export class Inbox {
  private readonly reader = new FrameReader();
  private bytesLeft = SPARE_BYTES;
  private mostBytes = SPARE_BYTES;
  private messagesLeft = SPARE_MESSAGES;

  /**
   * An answer was requested, of at most `messages` messages and `byteLength` bytes in total.
   * @param answers that are still to come, this one included
   */
  allow(messages: number, byteLength: number, answers = 1): void {
    this.messagesLeft += messages;
    const bytes = ANSWERS_ALLOWED * (byteLength + messages * OVERHEAD_BYTES);
    // What earlier answers left over does not add up without end.
    this.mostBytes = Math.max(this.mostBytes, SPARE_BYTES + (1 + answers) * bytes);
    this.bytesLeft = Math.min(this.bytesLeft + bytes, this.mostBytes);
  }

  /** @throws ExcessError */
  noteBytes(byteLength: number): void {
    this.bytesLeft -= byteLength;
    if (this.bytesLeft < 0) throw new ExcessError("more bytes than it was asked for");
  }

  /**
   * @returns the frame that the message completes
   * @throws ExcessError, FrameError
   */
  read(message: Uint8Array, isBinary: boolean): Frame | undefined {
    if (--this.messagesLeft < 0) throw new ExcessError("more messages than it was asked for");
    return this.reader.read(message, isBinary);
  }
}
