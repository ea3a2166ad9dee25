// Limits what one worker may send to the bytes and messages that were requested, plus a small allowance; assembles frames.
import { FrameReader } from "../../shared/protocol/channel.js";
import type { Frame } from "../../shared/protocol/frame.js";

/** For `hello`, `ready`, `goodbye` and pongs; small enough that a thousand silent peers take little memory. */
const SPARE_BYTES = 16 * 1024;
/** For the same messages, and for duplicate answers. */
const SPARE_MESSAGES = 64;
/** Of a WebSocket frame and the header inside it. */
const OVERHEAD_BYTES = 32 * 1024;
/** An answer may be sent twice. */
const ANSWERS_ALLOWED = 2;

/** The worker sent more than was requested. */
export class ExcessError extends Error {}

export class Inbox {
  private readonly reader = new FrameReader();
  private bytesLeft = SPARE_BYTES;
  private maxBytes = SPARE_BYTES;
  private messagesLeft = SPARE_MESSAGES;

  /**
   * Allows an answer of at most `messages` messages and `byteLength` bytes in total.
   * @param answers number of answers that are still expected, including this one
   */
  allow(messages: number, byteLength: number, answers = 1): void {
    this.messagesLeft += messages;
    const bytes = ANSWERS_ALLOWED * (byteLength + messages * OVERHEAD_BYTES);
    // Limits how much unused allowance can accumulate.
    this.maxBytes = Math.max(this.maxBytes, SPARE_BYTES + (1 + answers) * bytes);
    this.bytesLeft = Math.min(this.bytesLeft + bytes, this.maxBytes);
  }

  /** @throws ExcessError */
  noteBytes(byteLength: number): void {
    this.bytesLeft -= byteLength;
    if (this.bytesLeft < 0) throw new ExcessError("more bytes than requested");
  }

  /**
   * @returns the frame that the message completes
   * @throws ExcessError, FrameError
   */
  read(message: Uint8Array, isBinary: boolean): Frame | undefined {
    if (--this.messagesLeft < 0) throw new ExcessError("more messages than requested");
    return this.reader.read(message, isBinary);
  }
}
