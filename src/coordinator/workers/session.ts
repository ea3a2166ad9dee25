// One worker's connection, from hello to the end. Whatever arrives is checked against what was asked; what does not fit closes
// this connection, with a code, and never reaches the run.
import type { Network } from "../../shared/model/network.js";
import type { Gradient } from "../../shared/model/values.js";
import { OutgoingFrame, sendMessage } from "../../shared/protocol/channel.js";
import { type CloseCode, closeCodes } from "../../shared/protocol/close-codes.js";
import { encodeFrame, type Frame, FrameError } from "../../shared/protocol/frame.js";
import {
  type FromCoordinator,
  type FromWorker,
  MAX_NAME_LENGTH,
  parseFromWorker,
  PROTOCOL_VERSION,
} from "../../shared/protocol/messages.js";
import { maxResultBytes, sampleParts } from "../../shared/protocol/payload.js";
import type { Transport } from "../../shared/protocol/transport.js";
import { sanitizeText } from "../../shared/text.js";
import type { WorkerStatus } from "../dashboard/recorder.js";
import type { Pool } from "../pool.js";
import type { StateFeed } from "../state-feed.js";
import type { EndReason, NextHalf, Task, WorkerLink } from "../tasks.js";
import { AssignedTasks } from "./assigned-tasks.js";
import type { BanList } from "./ban-list.js";
import { readAnswer, readClassifierAnswer, UnusableAnswerError } from "./checked-answer.js";
import { ExcessError, Inbox } from "./inbox.js";
import { Liveness } from "./liveness.js";
import { isLoopback, originOf } from "./origin.js";
import { Outbox, type SendBudget } from "./outbox.js";
import { ReplicaSync } from "./replica-sync.js";

export interface SessionTimes {
  /** From the connection to hello. */
  helloMs: number;
  /** From welcome to ready: the worker loads TensorFlow. */
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

/** Two messages are the answer to a shard: the classifier's gradients, and the rest. */
const MESSAGES_PER_TASK = 2;
const DIGEST_BYTES = 256;
const PONG_BYTES = 256;
const MAX_REASON_LENGTH = 200;

export interface SessionParts {
  pool: Pool;
  feed: StateFeed;
  network: Network;
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
  /** Passes the factors of a shard on to the other workers. */
  relay: (
    from: Session,
    step: number,
    shard: number,
    classifier: ReadonlyMap<string, Gradient>,
  ) => void;
  /** Called once, when the connection is closed. @param wasLost it broke, rather than being ended by either side */
  onClosed: (session: Session, wasLost: boolean) => void;
}

/** How far a worker has come. `proven`: it has answered a task. */
export type SessionPhase = "hello" | "loading" | "active" | "proven" | "closed";

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
  private readonly answerBytes: number;
  private readonly sync: ReplicaSync;
  private handshakeTimer: NodeJS.Timeout | undefined;
  private readonly pingTimer: NodeJS.Timeout;

  constructor(transport: Transport, parts: SessionParts) {
    this.transport = transport;
    this.parts = parts;
    this.origin = originOf(parts.address);
    this.answerBytes = maxResultBytes(parts.network, parts.feed.largestShard);
    const { times, budget } = parts;
    this.liveness = new Liveness(times.pingMs, performance.now());
    this.outbox = new Outbox({
      transport,
      budget,
      onDrained: (byteLength) => this.liveness.noteDrained(byteLength, performance.now()),
      onEmpty: () => {
        if (this.isActive) this.sync.catchUp();
      },
    });
    this.sync = new ReplicaSync({
      ...{ worker: this, feed: parts.feed, outbox: this.outbox },
      onDigestRequested: () => this.inbox.allow(1, DIGEST_BYTES),
      onBehind: () => parts.pool.suspend(this),
      onCaughtUp: () => parts.pool.resume(this),
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

  // ── what the run wants of the worker ──

  send(task: Task): void {
    this.tasks.add(task, performance.now());
    this.inbox.allow(MESSAGES_PER_TASK, this.answerBytes);
    const { id, kind, step, samples } = task;
    const common = { task: id, step, count: samples.count };
    const header: FromCoordinator =
      kind === "shard"
        ? { type: "shard", shard: task.shard, ...common }
        : { type: "evaluate", ...common };
    this.outbox.send(new OutgoingFrame(encodeFrame(header, sampleParts(samples))), () =>
      this.tasks.noteAccepted(id, performance.now()),
    );
  }

  follow(next?: NextHalf): void {
    if (this.isActive) this.sync.follow(next);
  }

  /** True where the worker can use another's factors of the present step, and was sent them. */
  sendFactors(frame: OutgoingFrame): boolean {
    return this.isActive && this.sync.sendFactors(frame);
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

  /**
   * What bans go by. The name is the worker's own choice, and tells processes on this machine apart; between machines, the
   * address alone does.
   */
  private get banKey(): string {
    return isLoopback(this.parts.address) ? `${this.name}@${this.origin}` : this.origin;
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
    else throw error;
  }

  /** @throws FrameError */
  private handle(frame: Frame): void {
    if (this.phase === "hello" && !this.speaksThisVersion(frame.header)) return;
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
        this.handleAnswer(message, frame.parts);
        return;
      case "classifier":
        this.handleClassifier(message, frame.parts);
        return;
      case "digest":
        this.handleDigest(message);
        return;
      case "goodbye":
        this.finish("said goodbye", false);
        this.transport.close(closeCodes.goingAway, "");
        return;
      default:
        message satisfies never;
    }
  }

  /** Looked at before anything else, as another version's messages may be of other forms. */
  private speaksThisVersion(header: Readonly<Record<string, unknown>>): boolean {
    const { type, protocol } = header;
    if (type !== "hello" || typeof protocol !== "number" || protocol === PROTOCOL_VERSION) {
      return true;
    }
    const older = protocol < PROTOCOL_VERSION ? "worker" : "coordinator";
    this.reject(
      closeCodes.version,
      `worker speaks protocol ${protocol}, coordinator ${PROTOCOL_VERSION}: update the ${older}`,
    );
    return false;
  }

  private welcome(hello: FromWorker & { type: "hello" }): void {
    if (this.phase !== "hello") {
      this.fail(closeCodes.unexpected, "a second hello");
      return;
    }
    const endReason = this.parts.endReason();
    if (endReason) {
      this.name = plainName(hello.name);
      this.parts.onProgress(this);
      this.end(endReason);
      return;
    }
    const name = this.parts.uniqueName(plainName(hello.name));
    this.name = name;
    const bannedMs = this.parts.bans.remainingMs(this.banKey, performance.now());
    if (bannedMs > 0) {
      const isPermanent = bannedMs === Infinity;
      this.reject(
        isPermanent ? closeCodes.wrongResults : closeCodes.banned,
        isPermanent
          ? "permanently banned: wrong results"
          : `too many failures; retry in ${Math.ceil(bannedMs / 1000)} s`,
      );
      return;
    }
    this.phase = "loading";
    this.parts.onProgress(this);
    this.allowHandshake(this.parts.times.readyMs, "not ready in time");
    const { feed } = this.parts;
    const { config, broadcast } = feed;
    sendMessage(this.transport, {
      ...{ type: "welcome", protocol: PROTOCOL_VERSION },
      ...{ name, config, broadcast },
    } satisfies FromCoordinator);
  }

  private activate(): void {
    if (this.phase !== "loading") {
      this.fail(closeCodes.unexpected, "ready at the wrong time");
      return;
    }
    clearTimeout(this.handshakeTimer);
    this.phase = "active";
    this.parts.onProgress(this);
    this.parts.feed.whenOpen(() => {
      if (!this.isActive) return;
      this.sync.sendState();
      this.parts.pool.join(this);
    });
  }

  /** The first half of an answer; what others can make of it already, they get at once. */
  private handleClassifier(
    message: FromWorker & { type: "classifier" },
    parts: readonly Uint8Array[],
  ): void {
    const held = this.tasks.get(message.task);
    if (!this.isActive || !held || held.classifier) return;
    const { network, pool, feed } = this.parts;
    const gradients = this.checked(held.task, () =>
      readClassifierAnswer(held.task, message, parts, network, feed.config),
    );
    if (!gradients) return;
    held.classifier = gradients;
    const { task, step, shard } = message;
    this.parts.relay(this, step, shard, gradients);
    pool.takeClassifier(this, task, gradients);
  }

  private handleAnswer(
    message: FromWorker & { type: "result" | "evaluated" },
    parts: readonly Uint8Array[],
  ): void {
    if (!this.isActive) {
      this.fail(closeCodes.unexpected, "an answer before ready");
      return;
    }
    const held = this.tasks.get(message.task);
    // Repeated answers are no offence; late ones the pool drops, as the task has become another's in the meantime.
    if (!held) return;
    const { task, classifier } = held;
    const nowMs = performance.now();
    this.tasks.remove(task.id);
    const { network, pool, feed } = this.parts;
    const answer = this.checked(task, () =>
      readAnswer(task, message, classifier, parts, network, feed.config),
    );
    if (!answer) return;
    this.tasks.noteAnswered(held, nowMs);
    if (this.phase === "active") {
      this.phase = "proven";
      this.parts.onProgress(this);
    }
    pool.answer(this, task.id, answer, this.tasks.timingOf(held, message.computed, nowMs));
  }

  /** Reads an answer; one that cannot be ends the connection. Whose fault unusable numbers are is for the pool to find out. */
  private checked<T>(task: Task, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      const isRunsFault =
        error instanceof UnusableAnswerError && this.parts.pool.hasDiverged(task, error.message);
      if (!isRunsFault) this.fail(closeCodes.badResult, error.message);
      return undefined;
    }
  }

  private handleDigest({ step, weights }: FromWorker & { type: "digest" }): void {
    const { feed, pool } = this.parts;
    switch (feed.judgeDigest(step, weights)) {
      case "same":
        pool.noteGoodReplica(this, step);
        return;
      case "different":
        if (this.sync.noteDiverged()) pool.noteDivergedReplica(this, step);
        return;
      case "unknown":
        return;
    }
  }
}

/** Names are shown in terminals and pages: only harmless characters are kept. */
function plainName(requested: string): string {
  const plain = requested.replace(/[^\w.@-]/g, "").slice(0, MAX_NAME_LENGTH - 8);
  return plain === "" ? "worker" : plain;
}
