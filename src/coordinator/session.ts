// One worker's connection, from hello to the end. Whatever arrives is held against what was asked; what does not fit closes
// this connection, with a code, and never reaches the run.
import type { WebSocket } from "ws";
import type { Network } from "../shared/model/network.js";
import type { Gradient } from "../shared/model/values.js";
import {
  type EncodedFrame,
  FrameReader,
  receiveFrames,
  sendFrame,
  sendMessage,
} from "../shared/protocol/channel.js";
import { type CloseCode, closeCodes } from "../shared/protocol/close-codes.js";
import { type Frame, FrameError } from "../shared/protocol/frame.js";
import {
  type FromCoordinator,
  type FromWorker,
  MAX_NAME_LENGTH,
  parseFromWorker,
  PROTOCOL_VERSION,
} from "../shared/protocol/messages.js";
import { sampleParts } from "../shared/protocol/payload.js";
import { ClockOffset } from "./clock-offset.js";
import { checkedAnswer, checkedClassifier } from "./checked-answer.js";
import type { Conduct } from "./conduct.js";
import type { WorkerStatus } from "./dashboard/recorder.js";
import { Liveness, type Traffic } from "./liveness.js";
import type { Pool } from "./pool.js";
import type { StateFeed } from "./state-feed.js";
import type { EndReason, NextHalf, Task, WorkerLink } from "./tasks.js";

export interface SessionTimes {
  /** From the connection to hello. */
  helloMs: number;
  /** From welcome to ready: the worker loads TensorFlow. */
  readyMs: number;
  /** Between two pings. */
  pingMs: number;
  /** A worker from and to which not a byte passes for so long is gone; one that computes is given its task's time more. */
  silenceMs: number;
  /** What a worker's first task may take beyond that. */
  firstTaskMs: number;
}

export const DEFAULT_TIMES: SessionTimes = {
  helloMs: 10_000,
  readyMs: 120_000,
  pingMs: 2_000,
  silenceMs: 10_000,
  firstTaskMs: 20_000,
};

/** A task may take so many times what this worker's slowest took, before its silence means anything. */
const TASK_PATIENCE = 3;

export interface SessionParts {
  pool: Pool;
  feed: StateFeed;
  network: Network;
  times: SessionTimes;
  conduct: Conduct;
  /** Where the peer comes from. */
  address: string;
  /** Bytes that have come in and gone out on the connection, whole messages or not. */
  traffic: () => Traffic;
  /** A name that no other worker of the run has. */
  uniqueName: (wished: string) => string;
  /** The peer was turned away for what it is or did. */
  onRejected: (name: string, reason: string) => void;
  /** Passes the factors of a shard on to the other workers. */
  relay: (
    from: Session,
    step: number,
    shard: number,
    classifier: ReadonlyMap<string, Gradient>,
  ) => void;
  /** The worker's replica is no longer the coordinator's, bit for bit. */
  onDrifted: (name: string, step: number) => void;
  /** Called once, when the connection is closed. */
  onClosed: (session: Session) => void;
}

interface HeldTask {
  task: Task;
  sinceMs: number;
  /** What has come of its answer so far. */
  classifier: ReadonlyMap<string, Gradient> | undefined;
}

/** The classifier's gradients, and the rest. */
const MESSAGES_A_TASK = 2;

type Phase = "hello" | "loading" | "active" | "closed";

/** Messages that a worker may send beyond one for each task: hello, ready, goodbye, and answers given twice. */
const SPARE_MESSAGES = 64;

/** What may wait unsent, as a multiple of the largest thing that is sent, before a peer counts as not reading. */
const MAX_UNSENT_STATES = 4;
/** What comes to a state's bytes on the wire. */
const HEADERS_BYTES = 64 * 1024;
const MIN_UNSENT_BYTES = 16 * 1024 * 1024;

export class Session implements WorkerLink {
  name = "";
  private peer = "";
  private messagesLeft = SPARE_MESSAGES;
  private readonly socket: WebSocket;
  private readonly parts: SessionParts;
  private readonly tasks = new Map<number, HeldTask>();
  private slowestAnswerMs: number | undefined;
  private phase: Phase = "hello";
  private isBehind = false;
  /** The step that the classifier's weights which it was sent last are of. */
  private classifierStep: number | undefined;
  /** Its replica has come to other bits than the coordinator's: it needs the state. */
  private hasDrifted = false;
  private readonly liveness: Liveness;
  private readonly clock = new ClockOffset();
  private handshakeTimer: NodeJS.Timeout | undefined;
  private readonly pingTimer: NodeJS.Timeout;

  constructor(socket: WebSocket, parts: SessionParts) {
    this.socket = socket;
    this.parts = parts;
    this.liveness = new Liveness(socket, parts.traffic, parts.times.pingMs, () =>
      this.fail(closeCodes.tooMany, "too many pings"),
    );
    receiveFrames(
      socket,
      new FrameReader(),
      (frame) => this.receive(frame),
      (error) => this.fail(closeCodes.badMessage, error.message),
    );
    // ws has sent its own close frame, such as 1009 for a message that is too large.
    socket.on("error", (error) => this.fail(closeCodes.badMessage, error.message));
    socket.on("close", (code, reason) => {
      if (this.phase !== "closed") this.noteFailure();
      this.closed(reason.toString() || `the connection broke (${code})`);
    });
    this.allow(parts.times.helloMs, "no hello");
    this.pingTimer = setInterval(() => this.checkAlive(), parts.times.pingMs);
  }

  send(task: Task): void {
    // A task that it is given again it may have answered the first half of already.
    const classifier = this.tasks.get(task.id)?.classifier;
    this.tasks.set(task.id, { task, sinceMs: performance.now(), classifier });
    this.messagesLeft += MESSAGES_A_TASK;
    const { id, kind, step, samples } = task;
    const common = { task: id, step, count: samples.count };
    const header: FromCoordinator =
      kind === "shard"
        ? { type: "shard", shard: task.shard, ...common }
        : { type: "evaluate", ...common };
    sendMessage(this.socket, header, sampleParts(samples));
  }

  follow(next?: NextHalf): void {
    if (this.phase !== "active" || this.isBehind) return;
    const { feed } = this.parts;
    // A worker that has more to read than a whole state is not sent more on top: it catches up when it has read that.
    const isFirst = !next || this.classifierStep !== next.step;
    if (isFirst && this.socket.bufferedAmount > feed.stateBytes + HEADERS_BYTES) {
      this.isBehind = true;
      this.parts.pool.suspend(this);
      return;
    }
    if (next) this.sendHalf(next);
    else this.sendUpdate();
  }

  private sendHalf({ half, step }: NextHalf): void {
    const { feed } = this.parts;
    const frames: EncodedFrame[] = [];
    if (this.classifierStep !== step) frames.push(feed.half("classifier", step));
    this.classifierStep = step;
    if (half === "features") frames.push(feed.half("features", step));
    this.sendFrames(frames);
  }

  private sendState(): void {
    const { feed } = this.parts;
    this.classifierStep = feed.step;
    this.sendFrames(feed.state());
  }

  private sendUpdate(): void {
    const { feed } = this.parts;
    const needsState = this.hasDrifted;
    this.hasDrifted = false;
    // With a state that is sent to it, a worker forgets what it had.
    const { frame, wantsDigest } = feed.update(needsState ? undefined : this);
    if (wantsDigest) this.messagesLeft++;
    this.sendFrames(needsState ? [...feed.state(), frame] : [frame]);
  }

  private sendFrames(frames: readonly EncodedFrame[]): void {
    frames.forEach((frame, index) => {
      const isLast = index === frames.length - 1;
      sendFrame(this.socket, frame, isLast ? () => this.catchUp() : undefined);
    });
  }

  /** Undefined until the worker takes part. */
  get status(): WorkerStatus | undefined {
    if (this.phase !== "active") return undefined;
    const { bytesRead, bytesWritten } = this.parts.traffic();
    return {
      name: this.name,
      host: this.parts.address,
      roundTripMs: this.liveness.roundTripMs,
      bytesUp: bytesRead,
      bytesDown: bytesWritten,
      lastSeenMs: this.liveness.silentMs,
    };
  }

  end(reason: EndReason): void {
    if (this.phase === "closed") return;
    sendMessage(this.socket, { type: "end", reason } satisfies FromCoordinator);
    this.close(closeCodes.ended, reason);
  }

  expel(reason: string): void {
    this.parts.conduct.putOut(this.peer);
    this.reject(closeCodes.wrongResults, reason);
  }

  /** Closes the connection for something that the peer did. */
  private fail(code: CloseCode, reason: string): void {
    if (this.phase === "closed") return;
    this.noteFailure();
    this.reject(code, reason);
  }

  private reject(code: CloseCode, reason: string): void {
    this.parts.onRejected(this.name || this.parts.address, reason);
    this.close(code, reason);
  }

  private noteFailure(): void {
    if (this.peer !== "") this.parts.conduct.noteFailure(this.peer, performance.now());
  }

  private close(code: CloseCode, reason: string): void {
    // 123 bytes are what a close frame holds.
    this.socket.close(code, Buffer.from(reason).subarray(0, 120).toString());
    this.closed(reason);
  }

  private closed(reason: string): void {
    if (this.phase === "closed") return;
    this.phase = "closed";
    clearTimeout(this.handshakeTimer);
    clearInterval(this.pingTimer);
    this.tasks.clear();
    this.parts.pool.leave(this, reason);
    this.parts.onClosed(this);
    // A peer that does not answer the closing handshake must not keep the socket.
    setTimeout(() => this.socket.terminate(), this.parts.times.pingMs).unref();
  }

  private allow(timeMs: number, lateReason: string): void {
    clearTimeout(this.handshakeTimer);
    this.handshakeTimer = setTimeout(() => this.fail(closeCodes.tooSlow, lateReason), timeMs);
  }

  private checkAlive(): void {
    this.liveness.check();
    const { silentMs } = this.liveness;
    if (silentMs > this.allowedSilenceMs()) {
      this.noteFailure();
      this.closed(`silent for ${Math.round(silentMs / 1000)} s`);
      this.socket.terminate();
      return;
    }
    const mostUnsent = this.parts.feed.stateBytes * MAX_UNSENT_STATES + MIN_UNSENT_BYTES;
    if (this.socket.bufferedAmount > mostUnsent) {
      this.fail(closeCodes.notReading, "it does not read what it is sent");
      this.socket.terminate();
      return;
    }
    this.liveness.ping();
  }

  /** A worker computes in one go and answers no ping meanwhile. */
  private allowedSilenceMs(): number {
    const { silenceMs, firstTaskMs } = this.parts.times;
    if (this.tasks.size === 0) return silenceMs;
    const slowest = this.slowestAnswerMs;
    return silenceMs + (slowest === undefined ? firstTaskMs : TASK_PATIENCE * slowest);
  }

  private receive(frame: Frame): void {
    if (this.phase === "closed") return;
    if (--this.messagesLeft < 0) {
      this.fail(closeCodes.tooMany, "more messages than it was asked for");
      return;
    }
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
        this.takeAnswer(message, frame.parts);
        return;
      case "classifier":
        this.takeClassifier(message, frame.parts);
        return;
      case "digest":
        this.takeDigest(message);
        return;
      case "goodbye":
        this.closed("said goodbye");
        this.socket.close(closeCodes.goingAway);
        return;
      default:
        message satisfies never;
    }
  }

  private welcome(hello: FromWorker & { type: "hello" }): void {
    if (this.phase !== "hello") {
      this.fail(closeCodes.unexpected, "a second hello");
      return;
    }
    this.peer = `${hello.name}@${this.parts.address}`;
    const leftOutMs = this.parts.conduct.leftOutMs(this.peer, performance.now());
    if (leftOutMs > 0) {
      const isForGood = leftOutMs === Infinity;
      const code = isForGood ? closeCodes.wrongResults : closeCodes.leftOut;
      const seconds = Math.ceil(leftOutMs / 1000);
      this.reject(
        code,
        isForGood ? "its results were wrong" : `it failed often; welcome again in ${seconds} s`,
      );
      return;
    }
    this.name = this.parts.uniqueName(plainName(hello.name));
    this.phase = "loading";
    this.allow(this.parts.times.readyMs, "not ready in time");
    const { feed } = this.parts;
    sendMessage(this.socket, {
      type: "welcome",
      protocol: PROTOCOL_VERSION,
      name: this.name,
      config: feed.config,
      broadcast: feed.broadcast,
    } satisfies FromCoordinator);
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

  private activate(): void {
    if (this.phase !== "loading") {
      this.fail(closeCodes.unexpected, "ready at the wrong time");
      return;
    }
    clearTimeout(this.handshakeTimer);
    this.phase = "active";
    this.parts.feed.whenOpen(() => {
      if (this.phase !== "active") return;
      this.sendState();
      this.parts.pool.join(this);
    });
  }

  private catchUp(): void {
    if (!this.isBehind || this.phase !== "active" || this.socket.bufferedAmount > 0) return;
    this.isBehind = false;
    this.sendState();
    this.parts.pool.resume(this);
  }

  /** The first half of an answer; what others can make of it already, they get at once. */
  private takeClassifier(
    message: FromWorker & { type: "classifier" },
    parts: readonly Uint8Array[],
  ): void {
    const held = this.tasks.get(message.task);
    if (this.phase !== "active" || !held || held.classifier) return;
    let gradients: ReadonlyMap<string, Gradient>;
    try {
      const { network, feed } = this.parts;
      gradients = checkedClassifier(held.task, message, parts, network, feed.config);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.fail(closeCodes.badResult, error.message);
      return;
    }
    held.classifier = gradients;
    const { task, step, shard } = message;
    this.parts.relay(this, step, shard, gradients);
    this.parts.pool.takeClassifier(task, gradients);
  }

  /** True where the worker can use another's factors of the present step, and was sent them. */
  sendFactors(frame: EncodedFrame): boolean {
    if (this.phase !== "active" || this.isBehind) return false;
    sendFrame(this.socket, frame);
    return true;
  }

  private takeDigest({ step, weights }: FromWorker & { type: "digest" }): void {
    if (this.parts.feed.digestFits(step, weights)) return;
    this.hasDrifted = true;
    this.parts.onDrifted(this.name, step);
  }

  private timingOf(computed: { from: number; to: number }, sentMs: number, answeredMs: number) {
    this.clock.note(sentMs, computed.from, computed.to, answeredMs);
    const { offsetMs } = this.clock;
    const inside = (ms: number) => Math.min(Math.max(ms - offsetMs, sentMs), answeredMs);
    const [computedFromMs, computedToMs] = [inside(computed.from), inside(computed.to)];
    return { sentMs, computedFromMs, computedToMs, answeredMs };
  }

  private takeAnswer(
    message: FromWorker & { type: "result" | "evaluated" },
    parts: readonly Uint8Array[],
  ): void {
    if (this.phase !== "active") {
      this.fail(closeCodes.unexpected, "an answer before ready");
      return;
    }
    const held = this.tasks.get(message.task);
    // Repeated answers are no offence; late ones the pool drops, as the task has become another's in the meantime.
    if (!held) return;
    const { task, sinceMs, classifier } = held;
    const nowMs = performance.now();
    this.liveness.noteSign();
    this.tasks.delete(task.id);
    this.slowestAnswerMs = Math.max(this.slowestAnswerMs ?? 0, nowMs - sinceMs);
    try {
      const { network, feed } = this.parts;
      const answer = checkedAnswer(task, message, classifier, parts, network, feed.config);
      this.parts.pool.answer(
        this,
        task.id,
        answer,
        this.timingOf(message.computed, sinceMs, nowMs),
      );
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.fail(closeCodes.badResult, error.message);
    }
  }
}

/** Names are shown in terminals and pages: only harmless characters are kept. */
function plainName(wished: string): string {
  const plain = wished.replace(/[^\w.@-]/g, "").slice(0, MAX_NAME_LENGTH - 8);
  return plain === "" ? "worker" : plain;
}
