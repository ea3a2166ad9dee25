// One worker's connection and its limits: what arrives is counted against what was requested, what is sent is queued until the
// worker reads, and a worker that is silent or breaks a rule is reported. The session interprets the frames.
import { type OutgoingFrame, sendMessage } from "../../shared/protocol/channel.js";
import {
  type CloseCode,
  closeCodes,
  WORKER_REFUSAL_CODES,
} from "../../shared/protocol/close-codes.js";
import { type Frame, FrameError } from "../../shared/protocol/frame.js";
import type { FromCoordinator } from "../../shared/protocol/messages.js";
import type { Transport } from "../../shared/protocol/transport.js";
import { sanitizeText } from "../../shared/text.js";
import type { AssignedTasks } from "./assigned-tasks.js";
import { ExcessError, Inbox } from "./inbox.js";
import { Liveness } from "./liveness.js";
import { Outbox, type SendBudget } from "./outbox.js";
import type { SessionTimes } from "./session-times.js";

const PONG_BYTES = 256;
const MAX_REASON_LENGTH = 200;
export const NOT_READING = "it does not read what it is sent";

/** What a channel reports to its session; nothing after `close`. */
export interface ChannelHandlers {
  /** @throws FrameError if the frame is not a valid message; this is then reported as a fault */
  onFrame(frame: Frame): void;
  /** The worker broke a rule; the session closes the channel. */
  onFault(code: CloseCode, reason: string): void;
  /** The connection broke, or the worker fell silent. */
  onLost(reason: string): void;
  /** The worker refused to take part. @param reason the worker's own text; may be empty */
  onRefused(reason: string): void;
  /** The operating system has accepted everything that was sent. */
  onDrained(): void;
  /** The rest of a partly sent frame will not arrive. */
  onAborted(): void;
}

export interface ChannelParts {
  transport: Transport;
  budget: SendBudget;
  times: SessionTimes;
  /** Their durations determine how long the worker may be silent. */
  tasks: Pick<AssignedTasks, "allowedSilenceMs" | "isUnresponsive">;
  handlers: ChannelHandlers;
}

export class WorkerChannel {
  readonly outbox: Outbox;
  private readonly parts: ChannelParts;
  private readonly inbox = new Inbox();
  private readonly liveness: Liveness;
  private readonly pingTimer: NodeJS.Timeout;
  private deadlineTimer: NodeJS.Timeout | undefined;
  /** The worker does not see pings, so each is accompanied by a message. */
  private sendsAlive = false;
  /** Messages besides answers that the worker may send between two pings. */
  private reportsPerPing = 0;
  private isClosed = false;

  constructor(parts: ChannelParts) {
    this.parts = parts;
    const { transport, budget, times, handlers } = parts;
    this.liveness = new Liveness(times.pingMs, performance.now());
    this.outbox = new Outbox({
      ...{ transport, budget },
      onDrained: (byteLength) => this.liveness.noteDrained(byteLength, performance.now()),
      onEmpty: () => handlers.onDrained(),
      onAborted: () => handlers.onAborted(),
    });
    transport.open({
      onBytes: (byteLength) => this.read(() => this.noteBytes(byteLength)),
      onMessage: (message, isBinary) =>
        this.read(() => {
          const frame = this.inbox.read(message, isBinary);
          if (frame) handlers.onFrame(frame);
        }),
      onPing: () => {
        if (!this.liveness.notePing()) this.failAndStop(closeCodes.tooMany, "too many pings");
      },
      onPong: () => {
        if (!this.liveness.notePong(performance.now())) {
          this.failAndStop(closeCodes.tooMany, "a pong without a ping");
        }
      },
      // ws has already sent a close frame, such as 1009 for a message that is too large.
      onError: (error) => this.fail(closeCodes.badMessage, error.message),
      onClose: (code, reason) => this.handleClose(code, reason),
    });
    this.pingTimer = setInterval(() => this.checkAlive(), times.pingMs);
  }

  /** What the page shows about the connection. */
  get traffic() {
    const { transport } = this.parts;
    return {
      roundTripMs: this.liveness.roundTripMs,
      bytesUp: transport.bytesReceived,
      bytesDown: transport.bytesSent,
      lastSeenMs: this.liveness.lastSeenMs(performance.now()),
    };
  }

  /** For a worker that does not see pings. */
  sendAliveWithPings(): void {
    this.sendsAlive = true;
  }

  /** For a relay, which reports changes of its capacity. */
  allowReports(perPing: number): void {
    this.reportsPerPing = perPing;
  }

  /** As `Inbox.allow`. */
  allow(messages: number, byteLength: number, answers = 1): void {
    this.inbox.allow(messages, byteLength, answers);
  }

  /** Replaces the deadline that is set, if any. */
  setDeadline(timeMs: number, lateReason: string): void {
    this.clearDeadline();
    this.deadlineTimer = setTimeout(() => this.failAndStop(closeCodes.tooSlow, lateReason), timeMs);
  }

  clearDeadline(): void {
    clearTimeout(this.deadlineTimer);
    this.deadlineTimer = undefined;
  }

  /** @param onAccepted called when the operating system has accepted all of it */
  send(frame: OutgoingFrame, onAccepted?: () => void): void {
    this.outbox.send(frame, onAccepted);
  }

  /** Sends ahead of the queue. Does nothing in the middle of a frame, where the receiver would take it for a part of the frame. */
  sendFirst(message: FromCoordinator, parts: readonly ArrayBufferView[] = []): void {
    if (!this.outbox.isMidFrame) sendMessage(this.parts.transport, message, parts);
  }

  /** Begins the closing handshake. */
  close(code: CloseCode, reason: string): void {
    this.parts.transport.close(code, reason);
    this.release();
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.release();
    this.parts.transport.destroy();
  }

  private release(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.clearDeadline();
    clearInterval(this.pingTimer);
    this.outbox.close();
    // A peer that does not answer the closing handshake must not keep the socket open.
    const { transport, times } = this.parts;
    setTimeout(() => transport.destroy(), times.pingMs).unref();
  }

  private fail(code: CloseCode, reason: string): void {
    if (!this.isClosed) this.parts.handlers.onFault(code, reason);
  }

  /** As `fail`, and stops reading, for a peer that might keep sending. */
  private failAndStop(code: CloseCode, reason: string): void {
    this.fail(code, reason);
    this.parts.transport.stopReading();
  }

  private noteBytes(byteLength: number): void {
    this.liveness.noteReceived(performance.now());
    this.inbox.noteBytes(byteLength);
  }

  private read(take: () => void): void {
    if (this.isClosed) return;
    try {
      take();
    } catch (error) {
      if (error instanceof ExcessError) this.failAndStop(closeCodes.tooMany, error.message);
      else if (error instanceof FrameError) this.fail(closeCodes.badMessage, error.message);
      else throw error;
    }
  }

  private checkAlive(): void {
    const nowMs = performance.now();
    this.liveness.check(nowMs);
    const { transport, tasks, times, handlers } = this.parts;
    // A worker also answers no pings while it loads its engine and computes the numerics probe.
    const loadingMs = this.deadlineTimer === undefined ? 0 : times.firstTaskMs;
    const allowedMs = times.silenceMs + loadingMs + tasks.allowedSilenceMs(times.firstTaskMs);
    const silentMs = this.liveness.silentMs(nowMs);
    if (silentMs > allowedMs) {
      handlers.onLost(`silent for ${Math.round(silentMs / 1000)} s`);
      this.destroy();
    } else if (this.outbox.stalledMs(nowMs) > allowedMs) {
      handlers.onFault(closeCodes.notReading, NOT_READING);
      this.destroy();
    } else if (tasks.isUnresponsive(times.answerMs, nowMs)) {
      this.failAndStop(closeCodes.noAnswer, "it answers none of its tasks");
    } else {
      this.liveness.notePingSent(nowMs);
      this.inbox.allow(this.reportsPerPing, PONG_BYTES);
      transport.ping();
      if (this.sendsAlive) this.sendFirst({ type: "alive" });
    }
  }

  private handleClose(code: number, reason: string): void {
    if (this.isClosed) return;
    const text = sanitizeText(reason, MAX_REASON_LENGTH);
    const { handlers } = this.parts;
    if (WORKER_REFUSAL_CODES.includes(code)) handlers.onRefused(text);
    else handlers.onLost(text || `the connection broke (${code})`);
    this.release();
  }
}
