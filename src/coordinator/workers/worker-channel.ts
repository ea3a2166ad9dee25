// One worker's connection and its limits: what arrives is counted against what was requested, what is sent waits until the
// worker reads, and a worker that gives no sign of life, or breaks a rule, is reported. What frames mean is the session's
// business.
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

/** What a channel reports to its session; nothing after `close`. */
export interface ChannelHandlers {
  /** @throws FrameError where the frame is no valid message, which is then a fault */
  onFrame(frame: Frame): void;
  /** The worker broke a rule; the session closes the channel. */
  onFault(code: CloseCode, reason: string): void;
  /** The connection broke, or the worker fell silent. */
  onLost(reason: string): void;
  /** The worker turned the run down. @param reason its own words, which may be none */
  onTurnedDown(reason: string): void;
  /** The operating system has accepted everything that was sent. */
  onDrained(): void;
  /** A frame that was sent in part cannot be sent to its end. */
  onAborted(): void;
}

export interface ChannelParts {
  transport: Transport;
  budget: SendBudget;
  times: SessionTimes;
  /** The longer they take, the longer the worker may be silent. */
  tasks: Pick<AssignedTasks, "allowedSilenceMs" | "isMute">;
  handlers: ChannelHandlers;
}

export class WorkerChannel {
  readonly outbox: Outbox;
  private readonly parts: ChannelParts;
  private readonly inbox = new Inbox();
  private readonly liveness: Liveness;
  private readonly pingTimer: NodeJS.Timeout;
  private deadlineTimer: NodeJS.Timeout | undefined;
  /** The worker does not see pings: each comes with a message. */
  private sendsAlive = false;
  /** Messages that it may send between two pings, besides answers. */
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
        if (!this.liveness.notePing()) this.cut(closeCodes.tooMany, "too many pings");
      },
      onPong: () => {
        if (!this.liveness.notePong(performance.now())) {
          this.cut(closeCodes.tooMany, "a pong without a ping");
        }
      },
      // ws has sent its own close frame, such as 1009 for a message that is too large.
      onError: (error) => this.fault(closeCodes.badMessage, error.message),
      onClose: (code, reason) => this.handleClose(code, reason),
    });
    this.pingTimer = setInterval(() => this.checkAlive(), times.pingMs);
  }

  /** What the page shows of the connection. */
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

  /** For a relay, which reports what changes at its own end. */
  allowReports(perPing: number): void {
    this.reportsPerPing = perPing;
  }

  /** As `Inbox.allow`. */
  allow(messages: number, byteLength: number, answers = 1): void {
    this.inbox.allow(messages, byteLength, answers);
  }

  /** Starts a deadline, which `clearDeadline` or the next one replaces. */
  setDeadline(timeMs: number, lateReason: string): void {
    this.clearDeadline();
    this.deadlineTimer = setTimeout(() => this.cut(closeCodes.tooSlow, lateReason), timeMs);
  }

  clearDeadline(): void {
    clearTimeout(this.deadlineTimer);
    this.deadlineTimer = undefined;
  }

  /** @param onAccepted called when the operating system has accepted all of it */
  send(frame: OutgoingFrame, onAccepted?: () => void): void {
    this.outbox.send(frame, onAccepted);
  }

  /** Sends ahead of what waits. Not within a frame: there the receiver would take it for a part of the frame. */
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
    // A peer that does not answer the closing handshake must not keep the socket.
    const { transport, times } = this.parts;
    setTimeout(() => transport.destroy(), times.pingMs).unref();
  }

  private fault(code: CloseCode, reason: string): void {
    if (!this.isClosed) this.parts.handlers.onFault(code, reason);
  }

  /** As `fault`, and reads nothing more of a peer that would go on sending. */
  private cut(code: CloseCode, reason: string): void {
    this.fault(code, reason);
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
      if (error instanceof ExcessError) this.cut(closeCodes.tooMany, error.message);
      else if (error instanceof FrameError) this.fault(closeCodes.badMessage, error.message);
      else throw error;
    }
  }

  private checkAlive(): void {
    const nowMs = performance.now();
    this.liveness.check(nowMs);
    const { transport, tasks, times, handlers } = this.parts;
    // While it loads its engine and computes the probe, as while it computes its first task.
    const loadingMs = this.deadlineTimer === undefined ? 0 : times.firstTaskMs;
    const allowedMs = times.silenceMs + loadingMs + tasks.allowedSilenceMs(times.firstTaskMs);
    const silentMs = this.liveness.silentMs(nowMs);
    if (silentMs > allowedMs) {
      handlers.onLost(`silent for ${Math.round(silentMs / 1000)} s`);
      this.destroy();
    } else if (this.outbox.stalledMs(nowMs) > allowedMs) {
      handlers.onFault(closeCodes.notReading, "it does not read what it is sent");
      this.destroy();
    } else if (tasks.isMute(times.answerMs, nowMs)) {
      this.cut(closeCodes.noAnswer, "it answers none of its tasks");
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
    if (WORKER_REFUSAL_CODES.includes(code)) handlers.onTurnedDown(text);
    else handlers.onLost(text || `the connection broke (${code})`);
    this.release();
  }
}
