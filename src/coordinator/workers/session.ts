// One worker's connection, from hello to the end. Whatever arrives is checked against what was asked; what does not fit closes
// this connection, with a code, and never reaches the run.
import { OutgoingFrame, sendMessage } from "../../shared/protocol/channel.js";
import { type CloseCode, closeCodes } from "../../shared/protocol/close-codes.js";
import { encodeFrame, type Frame, FrameError } from "../../shared/protocol/frame.js";
import {
  type FromCoordinator,
  type FromWorker,
  parseFromWorker,
  PROTOCOL_VERSION,
} from "../../shared/protocol/messages.js";
import { maxAnswerBytes } from "../../shared/protocol/payloads/answer-bytes.js";
import { configParts } from "../../shared/protocol/payloads/config.js";
import { sampleParts } from "../../shared/protocol/payloads/samples.js";
import type { Transport } from "../../shared/protocol/transport.js";
import { sanitizeText } from "../../shared/text.js";
import type { Broadcast } from "../broadcast/broadcast.js";
import type { ReplicaFeed } from "../broadcast/replica-feed.js";
import type { WorkerStatus } from "../observe/dashboard/worker-table.js";
import { AnswerIntake, InvalidAnswerError } from "./answer-intake.js";
import { AssignedTasks } from "./assigned-tasks.js";
import type { BanList } from "./ban-list.js";
import {
  banKey,
  plainName,
  type Refusal,
  refuseBanned,
  refuseOrder,
  refuseVersion,
  type SessionPhase,
} from "./handshake.js";
import { ExcessError, Inbox } from "./inbox.js";
import { Liveness } from "./liveness.js";
import { isLoopback, originOf } from "./origin.js";
import { Outbox, type SendBudget } from "./outbox.js";
import type { Pool } from "./pool.js";
import type { EndReason, Task, WorkerLink } from "./tasks.js";

export interface SessionTimes {
  /** From the connection to hello. */
  helloMs: number;
  /** From welcome to ready: the worker loads its engine. */
  readyMs: number;
  /** Between two pings. */
  pingMs: number;
  /** A worker that gives no sign of life for so long is gone; one that computes is allowed its task's time on top. */
  silenceMs: number;
  /** What a worker's first task may take on top. */
  firstTaskMs: number;
  /** A worker that has answered none of its tasks for so long is excluded, however alive it is. */
  answerMs: number;
}

export const DEFAULT_TIMES: SessionTimes = {
  helloMs: 10_000,
  readyMs: 120_000,
  pingMs: 2_000,
  silenceMs: 10_000,
  firstTaskMs: 20_000,
  answerMs: 30_000,
};

const DIGEST_BYTES = 256;
const PONG_BYTES = 256;
const MAX_REASON_LENGTH = 200;

export interface SessionParts {
  pool: Pool;
  broadcast: Broadcast;
  times: SessionTimes;
  bans: BanList;
  budget: SendBudget;
  /** Where the peer comes from. */
  address: string;
  /** A name that no other worker of the run has. */
  uniqueName: (requested: string) => string;
  /** Why the run is over, once it is. */
  endReason: () => EndReason | undefined;
  /** Called when the worker is one step further: it has said hello, is ready, or has answered its first task. */
  onProgress: (session: Session) => void;
  /** The peer was turned away for what it is or did. */
  onRejected: (name: string, reason: string) => void;
  /** Called once, when the connection is closed. @param wasLost it broke, rather than being ended by either side */
  onClosed: (session: Session, wasLost: boolean) => void;
}

export class Session implements WorkerLink {
  name = "";
  readonly origin: string;
  phase: SessionPhase = "hello";
  private readonly transport: Transport;
  private readonly parts: SessionParts;
  private readonly inbox = new Inbox();
  private readonly outbox: Outbox;
  private readonly liveness: Liveness;
  private readonly tasks = new AssignedTasks();
  private readonly intake: AnswerIntake;
  private readonly answerBytes: number;
  /** From `ready` on. */
  private feed: ReplicaFeed | undefined;
  private handshakeTimer: NodeJS.Timeout | undefined;
  private readonly pingTimer: NodeJS.Timeout;

  constructor(transport: Transport, parts: SessionParts) {
    this.transport = transport;
    this.parts = parts;
    this.origin = originOf(parts.address);
    const { times, budget, pool, broadcast } = parts;
    this.answerBytes = maxAnswerBytes(broadcast.layout);
    this.liveness = new Liveness(times.pingMs, performance.now());
    this.outbox = new Outbox({
      transport,
      budget,
      onDrained: (byteLength) => this.liveness.noteDrained(byteLength, performance.now()),
      onEmpty: () => this.feed?.catchUp(),
    });
    this.intake = new AnswerIntake({
      ...{ worker: this, tasks: this.tasks, pool, broadcast },
      onAnswered: () => this.noteProven(),
    });
    transport.open({
      onBytes: (byteLength) => this.noteBytes(byteLength),
      onMessage: (message, isBinary) => this.receive(message, isBinary),
      onPing: () => {
        if (!this.liveness.notePing()) this.cut(closeCodes.tooMany, "too many pings");
      },
      onPong: () => {
        if (!this.liveness.notePong(performance.now())) {
          this.cut(closeCodes.tooMany, "a pong without a ping");
        }
      },
      // ws has sent its own close frame, such as 1009 for a message that is too large.
      onError: (error) => this.fail(closeCodes.badMessage, error.message),
      onClose: (code, reason) => this.handleClose(code, reason),
    });
    this.allowHandshake(times.helloMs, "no hello");
    this.pingTimer = setInterval(() => this.checkAlive(), times.pingMs);
  }

  /** Undefined until the worker takes part. */
  get status(): WorkerStatus | undefined {
    if (!this.isActive) return undefined;
    return {
      name: this.name,
      host: this.parts.address,
      roundTripMs: this.liveness.roundTripMs,
      bytesUp: this.transport.bytesReceived,
      bytesDown: this.transport.bytesSent,
      lastSeenMs: this.liveness.lastSeenMs(performance.now()),
    };
  }

  private get isActive(): boolean {
    return this.phase === "active" || this.phase === "proven";
  }

  // ── what the run asks of the worker ──

  send(task: Task): void {
    this.tasks.add(task, performance.now());
    // The answer to a shard is a message for each gradient bucket.
    this.inbox.allow(this.parts.broadcast.layout.buckets.length, this.answerBytes);
    const { id, kind, step, samples } = task;
    const common = { task: id, step, count: samples.count };
    const header: FromCoordinator =
      kind === "shard"
        ? { type: "shard", shard: task.shard, first: task.firstSample, ...common }
        : { type: "evaluate", ...common };
    this.outbox.send(new OutgoingFrame(encodeFrame(header, sampleParts(samples))), () =>
      this.tasks.noteAccepted(id, performance.now()),
    );
  }

  // ── the end ──

  end(reason: EndReason): void {
    if (this.phase === "closed") return;
    // In the middle of a frame the close code alone has to say it.
    if (!this.outbox.isMidFrame) {
      sendMessage(this.transport, { type: "end", reason } satisfies FromCoordinator);
    }
    this.close(closeCodes.ended, reason);
  }

  expel(reason: string): void {
    const { bans, address } = this.parts;
    // On one's own machine every process has the same address: an honest worker must not be banned with a wrong one.
    if (isLoopback(address)) bans.ban(this.banKey, performance.now());
    else bans.banPermanently(this.banKey);
    this.reject(closeCodes.wrongResults, reason);
  }

  private get banKey(): string {
    return banKey(this.parts.address, this.origin, this.name);
  }

  /** How long nothing that it was sent has been accepted. */
  stalledMs(nowMs: number): number {
    return this.outbox.stalledMs(nowMs);
  }

  /** Drops what it has not read, and the connection with it. */
  dropUnread(): void {
    this.fail(closeCodes.notReading, "it does not read what it is sent");
    this.transport.destroy();
  }

  /** Makes room for others: the peer has not become a worker yet. */
  evict(): void {
    this.fail(closeCodes.tooSlow, "too many connections that wait");
    this.transport.destroy();
  }

  /** Closes the connection for something that the peer did. */
  private fail(code: CloseCode, reason: string): void {
    if (this.phase === "closed") return;
    this.noteFailure();
    this.reject(code, reason);
  }

  /** As `fail`, and reads nothing more of a peer that would go on sending. */
  private cut(code: CloseCode, reason: string): void {
    this.fail(code, reason);
    this.transport.stopReading();
  }

  private reject(code: CloseCode, reason: string): void {
    this.parts.onRejected(this.name || this.parts.address, reason);
    this.close(code, reason);
  }

  private noteFailure(): void {
    if (this.name !== "") this.parts.bans.noteFailure(this.banKey, performance.now());
  }

  private close(code: CloseCode, reason: string): void {
    this.transport.close(code, reason);
    this.finish(reason, false);
  }

  private handleClose(code: number, reason: string): void {
    if (this.phase === "closed") return;
    this.noteFailure();
    const text = sanitizeText(reason, MAX_REASON_LENGTH);
    this.finish(text || `the connection broke (${code})`, true);
  }

  private finish(reason: string, wasLost: boolean): void {
    if (this.phase === "closed") return;
    this.phase = "closed";
    clearTimeout(this.handshakeTimer);
    clearInterval(this.pingTimer);
    this.tasks.clear();
    this.outbox.close();
    this.feed?.close();
    this.parts.pool.leave(this, reason);
    this.parts.onClosed(this, wasLost);
    // A peer that does not answer the closing handshake must not keep the socket.
    setTimeout(() => this.transport.destroy(), this.parts.times.pingMs).unref();
  }

  private allowHandshake(timeMs: number, lateReason: string): void {
    clearTimeout(this.handshakeTimer);
    this.handshakeTimer = setTimeout(() => this.cut(closeCodes.tooSlow, lateReason), timeMs);
  }

  // ── whether it is still there ──

  private checkAlive(): void {
    const nowMs = performance.now();
    this.liveness.check(nowMs);
    const { silenceMs, firstTaskMs, answerMs } = this.parts.times;
    const allowedMs = silenceMs + this.tasks.allowedSilenceMs(firstTaskMs);
    const silentMs = this.liveness.silentMs(nowMs);
    if (silentMs > allowedMs) {
      this.noteFailure();
      this.finish(`silent for ${Math.round(silentMs / 1000)} s`, true);
      this.transport.destroy();
      return;
    }
    if (this.outbox.stalledMs(nowMs) > allowedMs) {
      this.dropUnread();
      return;
    }
    if (this.tasks.isMute(answerMs, nowMs)) {
      this.cut(closeCodes.noAnswer, "it answers none of its tasks");
      return;
    }
    this.liveness.notePingSent(nowMs);
    this.inbox.allow(0, PONG_BYTES);
    this.transport.ping();
  }

  // ── what arrives ──

  private noteBytes(byteLength: number): void {
    if (this.phase === "closed") return;
    this.liveness.noteReceived(performance.now());
    try {
      this.inbox.noteBytes(byteLength);
    } catch (error) {
      this.handleBad(error);
    }
  }

  private receive(data: Uint8Array, isBinary: boolean): void {
    if (this.phase === "closed") return;
    try {
      const frame = this.inbox.read(data, isBinary);
      if (frame) this.handle(frame);
    } catch (error) {
      this.handleBad(error);
    }
  }

  private handleBad(error: unknown): void {
    if (error instanceof ExcessError) this.cut(closeCodes.tooMany, error.message);
    else if (error instanceof FrameError) this.fail(closeCodes.badMessage, error.message);
    else if (error instanceof InvalidAnswerError) this.fail(closeCodes.badResult, error.message);
    else throw error;
  }

  /** @throws FrameError, InvalidAnswerError */
  private handle(frame: Frame): void {
    if (this.phase === "hello" && this.refuse(refuseVersion(frame.header))) return;
    const message = parseFromWorker(frame);
    switch (message.type) {
      case "hello":
        this.welcome(message);
        return;
      case "ready":
        this.activate();
        return;
      case "result":
      case "evaluated":
        if (this.isActive) this.intake.takeAnswer(message, frame.parts);
        else this.refuse(refuseOrder("an answer before ready"));
        return;
      case "gradients":
        if (this.isActive) this.intake.takeGradients(message, frame.parts);
        return;
      case "digest":
        this.feed?.takeDigest(message.step, message.weights);
        return;
      case "goodbye":
        this.finish("said goodbye", false);
        this.transport.close(closeCodes.goingAway, "");
        return;
      default:
        message satisfies never;
    }
  }

  // ── the handshake ──

  /** Closes the connection where there is a reason to. @returns whether there was */
  private refuse(refusal: Refusal | undefined): boolean {
    if (!refusal) return false;
    if (refusal.isFailure) this.fail(refusal.code, refusal.reason);
    else this.reject(refusal.code, refusal.reason);
    return true;
  }

  private welcome(hello: FromWorker & { type: "hello" }): void {
    if (this.phase !== "hello") {
      this.refuse(refuseOrder("a second hello"));
      return;
    }
    const { endReason, uniqueName, bans, onProgress, times, broadcast } = this.parts;
    const reason = endReason();
    if (reason) {
      this.name = plainName(hello);
      onProgress(this);
      this.end(reason);
      return;
    }
    this.name = uniqueName(plainName(hello));
    if (this.refuse(refuseBanned(bans, this.banKey, performance.now()))) return;
    this.phase = "loading";
    onProgress(this);
    this.allowHandshake(times.readyMs, "not ready in time");
    const { kind, layout } = broadcast;
    const welcome = { type: "welcome", protocol: PROTOCOL_VERSION, name: this.name } as const;
    sendMessage(
      this.transport,
      { ...welcome, broadcast: kind } satisfies FromCoordinator,
      configParts(layout.config),
    );
  }

  private activate(): void {
    if (this.phase !== "loading") {
      this.refuse(refuseOrder("ready at the wrong time"));
      return;
    }
    clearTimeout(this.handshakeTimer);
    this.phase = "active";
    const { onProgress, broadcast, pool } = this.parts;
    onProgress(this);
    broadcast.whenOpen(() => {
      if (!this.isActive) return;
      this.feed = broadcast.addWorker({
        worker: this,
        outbox: this.outbox,
        onDigestRequested: () => this.inbox.allow(1, DIGEST_BYTES),
        onBehind: () => pool.suspend(this),
        onCaughtUp: () => pool.resume(this),
        onDigestJudged: (step, isSame) => {
          if (isSame) pool.noteSameWeights(this, step);
          else pool.noteDivergence(this, step);
        },
      });
      this.feed.sendState();
      pool.join(this);
    });
  }

  private noteProven(): void {
    if (this.phase !== "active") return;
    this.phase = "proven";
    this.parts.onProgress(this);
  }
}
