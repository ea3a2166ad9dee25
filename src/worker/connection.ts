// A worker's connection to its coordinator, from hello to its end. The coordinator may be broken or hostile: every wait has a
// deadline, and sizes are checked before data is read.
import { messageOf, TandemError } from "../shared/errors.js";
import { FrameReader } from "../shared/protocol/channel.js";
import { closeCodes } from "../shared/protocol/close-codes.js";
import { encodeFrame, type Frame, FrameError } from "../shared/protocol/frame.js";
import {
  type FromCoordinator,
  type FromWorker,
  MAX_NAME_LENGTH,
  parseFromCoordinator,
  PROTOCOL_VERSION,
  type WorkerKind,
} from "../shared/protocol/messages.js";
import { readConfig } from "../shared/protocol/payloads/config.js";
import type { Transport } from "../shared/protocol/transport.js";
import { sanitizeText } from "../shared/text.js";
import {
  admitRun,
  MAX_BYTES_BEFORE_WELCOME,
  maxMessageBytes,
  maxUnsentBytes,
  type Resources,
  type Refusal,
} from "./limits.js";
import { ConnectionDeadlines } from "./connection-deadlines.js";
import {
  closeText,
  type ConnectionEnd,
  finalEnd,
  findVersionProblem,
  MAX_REASON_LENGTH,
} from "./connection-end.js";
import type { Runtime, RuntimeHolder } from "./runtime.js";

/** A connection that lasted this long was useful even without a task. */
const USEFUL_AFTER_MS = 30_000;
const CLOSING_MS = 1_000;

export interface ServeOptions {
  name: string;
  kind: WorkerKind;
  holder: RuntimeHolder;
  onWelcome: (name: string) => void;
  resources: Resources;
}

/**
 * Serves the coordinator until the connection ends, and returns how it ended.
 * @param stop when aborted, says goodbye after the task in progress
 * @throws TandemError for failures that would happen again, such as `compute-failed`
 */
export function serveConnection(
  transport: Transport,
  options: ServeOptions,
  stop: AbortSignal,
): Promise<ConnectionEnd> {
  return new Promise((resolve, reject) => {
    const connection = new Connection(transport, options, resolve, reject);
    connection.open(stop);
  });
}

class Connection {
  private readonly transport: Transport;
  private readonly options: ServeOptions;
  private readonly resolve: (end: ConnectionEnd) => void;
  private readonly reject: (error: TandemError) => void;
  private readonly openedMs = performance.now();
  private readonly deadlines: ConnectionDeadlines;
  private closingTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly reader = new FrameReader(
    (header, lengths, parts) =>
      this.runtime.tailPlaces(parseFromCoordinator({ header }), lengths, parts),
    (byteLength) => this.runtime.noteTail?.(byteLength),
  );
  /** Received since the last complete message. */
  private pendingBytes = 0;
  private allowedBytes = MAX_BYTES_BEFORE_WELCOME;
  private allowedUnsentBytes = 0;
  private isWelcome = false;
  private hasAnswered = false;
  private end: ConnectionEnd | undefined;

  constructor(
    transport: Transport,
    options: ServeOptions,
    resolve: (end: ConnectionEnd) => void,
    reject: (error: TandemError) => void,
  ) {
    this.transport = transport;
    this.options = options;
    this.resolve = resolve;
    this.reject = reject;
    this.deadlines = new ConnectionDeadlines({
      hiddenBytes: () => (transport.reportsBytes ? 0 : this.allowedBytes),
      onMissed: (reason) => this.destroy(this.lost(reason)),
    });
  }

  open(stop: AbortSignal): void {
    const sayGoodbye = () => {
      if (this.end) return;
      this.send({ type: "goodbye" });
      this.close({ kind: "stopped" }, closeCodes.goingAway);
    };
    this.transport.open({
      onMessage: (message, isBinary) => this.receive(message, isBinary),
      onBytes: (byteLength) => this.countBytes(byteLength),
      onError: (error) => (this.end ??= this.lost(messageOf(error) || "no connection")),
      onClose: (code, reason) => {
        stop.removeEventListener("abort", sayGoodbye);
        this.deadlines.stop();
        clearTimeout(this.closingTimer);
        const end = this.end ?? finalEnd(code, reason) ?? this.lost(closeText(code, reason));
        const { runtime } = this.options.holder;
        if (this.isWelcome) runtime?.endTasks();
        if (this.isWelcome && end.kind === "lost") runtime?.onLost?.();
        this.resolve(end);
      },
    });
    this.deadlines.start();
    const { name, kind } = this.options;
    this.send({ type: "hello", protocol: PROTOCOL_VERSION, name, kind });
    if (stop.aborted) sayGoodbye();
    else stop.addEventListener("abort", sayGoodbye, { once: true });
  }

  /** Every byte is a sign of life: on a slow link a state takes a long time, and pings are queued behind it. */
  private countBytes(byteLength: number): void {
    this.deadlines.noteByte();
    this.pendingBytes += byteLength;
    if (this.pendingBytes <= this.allowedBytes) return;
    const limit = this.allowedBytes;
    this.destroy(this.lost(`invalid message from the coordinator: more than ${limit} bytes`));
  }

  private receive(bytes: Uint8Array, isBinary: boolean): void {
    if (this.end) return;
    this.pendingBytes = 0;
    if (this.isWelcome && this.transport.unsentBytes > this.allowedUnsentBytes) {
      this.destroy(this.lost("the coordinator does not read this worker's answers"));
      return;
    }
    try {
      const frame = this.reader.read(bytes, isBinary);
      if (frame) this.take(frame);
    } catch (error) {
      if (error instanceof FrameError) {
        const reason = `invalid message from the coordinator: ${error.message}`;
        this.close(this.lost(reason), closeCodes.badMessage, error.message);
        return;
      }
      // The engine failed, and would fail again after a reconnect.
      this.reject(asTandemError(error));
      this.transport.destroy();
    }
    // Bytes that arrived while the task was computed have not been counted yet.
    this.deadlines.noteByte();
  }

  private take(frame: Frame): void {
    const reason = findVersionProblem(frame.header);
    if (reason !== undefined) {
      this.close({ kind: "refused", cause: "version", reason }, closeCodes.version, reason);
      return;
    }
    const message = parseFromCoordinator(frame);
    switch (message.type) {
      case "welcome":
        this.takeWelcome(message, frame.parts);
        return;
      case "end":
        this.close({ kind: "ended", reason: message.reason }, closeCodes.ended);
        return;
      case "state":
        this.runtime.takeState(message, frame.parts);
        return;
      case "update":
        this.runtime.takeUpdate(message, frame.parts);
        if (message.wantsDigest) this.sendDigest();
        return;
      case "shard":
      case "evaluate":
      case "moments":
        this.runtime.compute(message, frame.parts, (reply) =>
          this.send(reply.message, reply.parts),
        );
        this.hasAnswered = true;
        return;
      case "factors":
        this.runtime.takeFactors(message, frame.parts);
        return;
      case "merged":
        this.runtime.takeMerged(message, frame.parts);
        return;
      case "cancel":
      case "digest":
        if (!this.runtime.takeFromCoordinator) {
          throw new FrameError(`${message.type} to a worker that is not a relay`);
        }
        this.runtime.takeFromCoordinator(message);
        return;
      case "alive":
        return;
      default:
        message satisfies never;
    }
  }

  private takeWelcome(
    message: FromCoordinator & { type: "welcome" },
    parts: readonly Uint8Array[],
  ): void {
    if (this.isWelcome) throw new FrameError("a second welcome");
    const { broadcast } = message;
    const config = readConfig(parts);
    const { holder, resources } = this.options;
    const admission = admitRun(config, resources);
    if (admission.refusal) {
      this.refuse(admission.refusal);
      return;
    }
    const { layout } = admission;
    this.isWelcome = true;
    this.deadlines.noteWelcome();
    this.allowedBytes = maxMessageBytes(layout);
    this.allowedUnsentBytes = maxUnsentBytes(layout, resources);
    if (!holder.runtime?.fits(config, broadcast)) {
      try {
        holder.runtime = holder.create(layout, broadcast);
      } catch (error) {
        if (!(error instanceof TandemError) || error.code !== "native-library") throw error;
        const reason = `its engine is ${config.engine.name}: ${error.message.replace(/\.$/, "")}`;
        this.refuse({ cause: "engine", reason });
        return;
      }
    }
    this.options.onWelcome(sanitizeText(message.name, MAX_NAME_LENGTH));
    this.send({ type: "ready", numerics: this.runtime.numerics });
    this.runtime.onReady?.((reply) => this.send(reply.message, reply.parts));
  }

  private sendDigest(): void {
    const digest = this.runtime.digest();
    if (digest) this.send(digest);
  }

  private refuse({ cause, reason }: Refusal): void {
    const sentence = `this worker cannot take part in the run: ${reason}`;
    this.close({ kind: "refused", cause, reason: sentence }, closeCodes.cannotTakePart, reason);
  }

  /** @throws FrameError before `welcome`: until then, the runtime belongs to an earlier connection */
  private get runtime(): Runtime {
    const { runtime } = this.options.holder;
    if (!this.isWelcome || !runtime) throw new FrameError("message before the welcome");
    return runtime;
  }

  private send(message: FromWorker, parts: ArrayBufferView[] = []): void {
    this.transport.send(encodeFrame(message, parts));
  }

  private close(end: ConnectionEnd, code: number, reason = ""): void {
    this.end ??= end;
    this.transport.close(code, reason);
    clearTimeout(this.closingTimer);
    this.closingTimer = setTimeout(() => this.transport.destroy(), CLOSING_MS);
  }

  private destroy(end: ConnectionEnd): void {
    this.end ??= end;
    this.transport.destroy();
  }

  private lost(reason: string): ConnectionEnd {
    const lastedMs = performance.now() - this.openedMs;
    const wasUseful = this.hasAnswered || lastedMs >= USEFUL_AFTER_MS;
    return { kind: "lost", reason: sanitizeText(reason, MAX_REASON_LENGTH), wasUseful };
  }
}

function asTandemError(error: unknown): TandemError {
  if (error instanceof TandemError) return error;
  return new TandemError(
    "compute-failed",
    `The worker could not compute its task (${messageOf(error)}). Is there enough memory?`,
    { cause: error },
  );
}
