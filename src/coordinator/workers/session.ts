// One worker's session, from hello to the end: the handshake, the tasks that it is sent, and the handling of its messages. An
// invalid message closes this connection with a code and does not affect the run.
import { type CloseCode, closeCodes } from "../../shared/protocol/close-codes.js";
import type { Frame } from "../../shared/protocol/frame.js";
import {
  type FromWorker,
  parseFromWorker,
  PROTOCOL_VERSION,
  type WorkerKind,
} from "../../shared/protocol/messages.js";
import { configParts } from "../../shared/protocol/payloads/config.js";
import type { Transport } from "../../shared/protocol/transport.js";
import type { WorkerStatus } from "../observe/dashboard/worker-table.js";
import { AnswerIntake, InvalidAnswerError } from "./answer-intake.js";
import { AssignedTasks } from "./assigned-tasks.js";
import {
  plainName,
  type Refusal,
  refuseOrder,
  refuseVersion,
  type SessionPhase,
} from "./handshake.js";
import { Membership } from "./membership.js";
import { Peer } from "./peer.js";
import { RelayPeer, REPORTS_PER_PING } from "./relay-peer.js";
import type { EndReason, MergedBarrier, Task, WorkerLink } from "./tasks.js";
import type { SessionParts } from "./session-parts.js";
import { TaskSender } from "./task-sender.js";
import { NOT_READING, WorkerChannel } from "./worker-channel.js";

export class Session implements WorkerLink {
  phase: SessionPhase = "hello";
  kind: WorkerKind = "node";
  private readonly parts: SessionParts;
  private readonly peer: Peer;
  private readonly channel: WorkerChannel;
  private readonly tasks = new AssignedTasks();
  private readonly intake: AnswerIntake;
  private readonly sender: TaskSender;
  private readonly membership: Membership;
  private relay: RelayPeer | undefined;

  constructor(transport: Transport, parts: SessionParts) {
    this.parts = parts;
    this.peer = new Peer(parts.address, parts.bans);
    const { times, budget, pool, broadcast } = parts;
    const { tasks } = this;
    this.intake = new AnswerIntake({
      ...{ worker: this, tasks, pool, broadcast },
      summed: () => this.relay?.summed,
      onAnswered: () => this.noteProven(),
    });
    this.channel = new WorkerChannel({
      ...{ transport, budget, times, tasks },
      handlers: {
        onFrame: (frame) => this.handle(frame),
        onFault: (code, reason) => this.fail(code, reason),
        onLost: (reason) => {
          // Closing, reloading or suspending a tab ends all of its workers' connections at once; that is not a failure.
          if (this.kind !== "browser") this.peer.noteFailure(performance.now());
          this.finish(reason, true);
        },
        onRefused: (text) => {
          const reason = `it cannot take part in the run${text === "" ? "" : ` ("${text}")`}`;
          this.parts.onRejected(this.peer.label, reason);
          this.finish(reason, false);
        },
        onDrained: () => this.membership.catchUp(),
        onAborted: () => this.dismiss("a state was not received completely"),
      },
    });
    this.membership = new Membership({ worker: this, channel: this.channel, broadcast, pool });
    this.sender = new TaskSender({
      ...{ tasks, channel: this.channel, layout: broadcast.layout },
      relay: () => this.relay,
    });
    this.channel.setDeadline(times.helloMs, "no hello");
  }

  get name(): string {
    return this.peer.name;
  }

  get origin(): string {
    return this.peer.origin;
  }

  get capacity(): number {
    return this.relay?.capacity ?? 1;
  }

  /** Undefined until the worker takes part. */
  get status(): WorkerStatus | undefined {
    if (!this.isActive) return undefined;
    const { name, kind } = this;
    const relayed = this.relay ? { workers: this.relay.capacity } : {};
    return { name, kind, ...relayed, host: this.peer.address, ...this.channel.traffic };
  }

  private get isActive(): boolean {
    return this.phase === "active" || this.phase === "proven";
  }

  // ── messages to the worker ──

  send(task: Task): void {
    this.sender.send(task);
  }

  sendMerged(merged: MergedBarrier): void {
    this.sender.sendMerged(merged);
  }

  cancel(taskId: number): boolean {
    return this.sender.cancel(taskId);
  }

  // ── the end ──

  /** Asks the worker to connect elsewhere. */
  dismiss(reason: string): void {
    if (this.phase !== "closed") this.close(closeCodes.goingAway, reason);
  }

  end(reason: EndReason): void {
    if (this.phase === "closed") return;
    // In the middle of a frame nothing is sent; then the close code tells the worker.
    this.channel.sendFirst({ type: "end", reason });
    this.close(closeCodes.ended, reason);
  }

  expel(reason: string): void {
    this.peer.banForWrongResults(performance.now());
    this.reject(closeCodes.wrongResults, reason);
  }

  /** How long the worker has not read anything that is queued for it. */
  stalledMs(nowMs: number): number {
    return this.channel.outbox.stalledMs(nowMs);
  }

  /** Closes the connection of a worker that does not read, which frees the memory of its queued messages. */
  dropUnread(): void {
    this.fail(closeCodes.notReading, NOT_READING);
    this.channel.destroy();
  }

  /** Closes the connection to make room for others: the peer has done nothing useful yet. */
  evict(): void {
    this.fail(closeCodes.tooSlow, "too many idle connections");
    this.channel.destroy();
  }

  /** Closes the connection because the peer broke a rule; repeated failures lead to a ban. */
  private fail(code: CloseCode, reason: string): void {
    if (this.phase === "closed") return;
    this.peer.noteFailure(performance.now());
    this.reject(code, reason);
  }

  private reject(code: CloseCode, reason: string): void {
    this.parts.onRejected(this.peer.label, reason);
    this.close(code, reason);
  }

  private close(code: CloseCode, reason: string): void {
    this.channel.close(code, reason);
    this.finish(reason, false);
  }

  private finish(reason: string, wasLost: boolean): void {
    if (this.phase === "closed") return;
    this.phase = "closed";
    this.tasks.clear();
    this.membership.end(reason);
    this.parts.onClosed(this, wasLost);
  }

  // ── messages from the worker ──

  /** @throws FrameError */
  private handle(frame: Frame): void {
    try {
      this.dispatch(frame);
    } catch (error) {
      if (!(error instanceof InvalidAnswerError)) throw error;
      this.fail(closeCodes.badResult, error.message);
    }
  }

  /** @throws FrameError, InvalidAnswerError */
  private dispatch(frame: Frame): void {
    if (this.phase === "hello" && this.refuse(refuseVersion(frame.header))) return;
    const message = parseFromWorker(frame);
    switch (message.type) {
      case "hello":
        this.welcome(message);
        return;
      case "ready":
        this.activate(message);
        return;
      case "result":
      case "evaluated":
      case "measured":
        if (this.isActive) this.intake.takeAnswer(message, frame.parts);
        else this.refuse(refuseOrder("an answer before ready"));
        return;
      case "gradients":
        if (this.isActive) this.intake.takeGradients(message, frame.parts);
        return;
      case "barrier":
        if (this.isActive) this.intake.takeContribution(message, frame.parts);
        return;
      case "digest":
        this.membership.takeDigest(message.step, message.weights);
        return;
      case "sum":
      case "capacity":
      case "returned":
      case "unusable":
      case "state-request":
        if (this.relay && this.isActive) this.relay.take(message, frame.parts);
        else this.refuse(refuseOrder(`${message.type} from a worker that is not a relay`));
        return;
      case "goodbye":
        this.finish("said goodbye", false);
        this.channel.close(closeCodes.goingAway, "");
        return;
      default:
        message satisfies never;
    }
  }

  // ── the handshake ──

  /** Closes the connection if there is a refusal. @returns whether there was one */
  private refuse(refusal: Refusal | undefined): boolean {
    if (!refusal) return false;
    if (refusal.isFailure) this.fail(refusal.code, refusal.reason);
    else this.reject(refusal.code, refusal.reason);
    return true;
  }

  private refuseRelay(): boolean {
    return this.kind === "relay" && this.refuse(this.parts.relayRefusal?.());
  }

  private welcome(hello: FromWorker & { type: "hello" }): void {
    if (this.phase !== "hello") {
      this.refuse(refuseOrder("a second hello"));
      return;
    }
    const { endReason, uniqueName, onProgress, times, broadcast } = this.parts;
    const reason = endReason();
    if (reason) {
      this.peer.name = plainName(hello);
      onProgress(this);
      this.end(reason);
      return;
    }
    this.peer.name = uniqueName(plainName(hello));
    if (this.refuse(this.peer.refusal(performance.now()))) return;
    this.kind = hello.kind;
    if (this.refuseRelay()) return;
    this.phase = "loading";
    if (this.kind === "browser") this.channel.sendAliveWithPings();
    if (this.kind === "relay") {
      const { pool, broadcast } = this.parts;
      this.relay = new RelayPeer(broadcast.layout.buckets.length, {
        intake: this.intake,
        onCapacity: () => pool.noteCapacity(this),
        onStateRequested: () => this.membership.requestState(),
      });
      this.channel.allowReports(REPORTS_PER_PING);
    }
    onProgress(this);
    this.channel.setDeadline(times.readyMs, "not ready in time");
    const { kind, layout } = broadcast;
    const welcome = { type: "welcome", protocol: PROTOCOL_VERSION, name: this.name } as const;
    this.channel.sendFirst({ ...welcome, broadcast: kind }, configParts(layout.config));
  }

  private activate({ numerics }: FromWorker & { type: "ready" }): void {
    if (this.phase !== "loading") {
      this.refuse(refuseOrder("ready at the wrong time"));
      return;
    }
    if (this.refuseRelay() || this.refuse(this.parts.numerics.refusal(numerics))) return;
    this.channel.clearDeadline();
    this.phase = "active";
    this.parts.onProgress(this);
    this.membership.start(() => this.parts.numerics.noteWorker(this.name, numerics));
  }

  private noteProven(): void {
    if (this.phase !== "active") return;
    this.phase = "proven";
    this.parts.onProgress(this);
  }
}
