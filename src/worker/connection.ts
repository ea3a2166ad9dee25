// One connection of a worker to its coordinator, from hello to whatever ends it. A coordinator may be broken or hostile:
// every wait has a deadline, and what may arrive is bounded before it is read.
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
  type Means,
  type Refusal,
} from "./limits.js";
import { closeText, type ConnectionEnd, finalEnd, MAX_REASON_LENGTH } from "./connection-end.js";
import type { Runtime, RuntimeHolder } from "./runtime.js";

/** The coordinator pings, or says that it is alive, every two seconds; after this long without a byte it is lost. */
const SILENCE_MS = 15_000;
const SILENCE_CHECK_MS = 1_000;
/** Bytes per millisecond (5 Mbit/s): where only whole messages are visible, the largest may take as long as on such a link. */
const SLOWEST_LINK = 625;
/** Whatever else arrives: pings alone are no welcome. */
const WELCOME_MS = 20_000;
/** A connection that lasted this long was useful, even without a task. */
const USEFUL_AFTER_MS = 30_000;
const CLOSING_MS = 1_000;

export interface ServeOptions {
  name: string;
  kind: WorkerKind;
  holder: RuntimeHolder;
  onWelcome: (name: string) => void;
  means: Means;
}

/**
 * Serves the coordinator until something ends the connection, and returns what.
 * @param stop asks to finish the task in hand and say goodbye
 * @throws TandemError `compute-failed`: what would fail at the next try too
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
  private readonly timers: ReturnType<typeof setTimeout>[] = [];
  private readonly reader = new FrameReader(
    (header, lengths, parts) =>
      this.runtime.tailPlaces(parseFromCoordinator({ header }), lengths, parts),
    (byteLength) => this.runtime.noteTail?.(byteLength),
  );
  private lastByteMs = performance.now();
  /** Since the last whole message. */
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
        for (const timer of this.timers) clearTimeout(timer);
        const end = this.end ?? finalEnd(code, reason) ?? this.lost(closeText(code, reason));
        const { runtime } = this.options.holder;
        if (this.isWelcome) runtime?.endTasks();
        if (this.isWelcome && end.kind === "lost") runtime?.onLost?.();
        this.resolve(end);
      },
    });
    this.timers.push(
      setInterval(() => {
        if (performance.now() - this.lastByteMs >= this.allowedSilenceMs) {
          this.destroy(this.lost("the coordinator is silent"));
        }
      }, SILENCE_CHECK_MS),
      setTimeout(() => {
        if (!this.isWelcome) this.destroy(this.lost(`no welcome within ${WELCOME_MS / 1000} s`));
      }, WELCOME_MS),
    );
    const { name, kind } = this.options;
    this.send({ type: "hello", protocol: PROTOCOL_VERSION, name, kind });
    if (stop.aborted) sayGoodbye();
    else stop.addEventListener("abort", sayGoodbye, { once: true });
  }

  private get allowedSilenceMs(): number {
    return this.transport.reportsBytes ? SILENCE_MS : SILENCE_MS + this.allowedBytes / SLOWEST_LINK;
  }

  /** Any byte is a sign of life: on a slow line a state takes long, and pings wait behind it. */
  private countBytes(byteLength: number): void {
    this.lastByteMs = performance.now();
    this.pendingBytes += byteLength;
    if (this.pendingBytes <= this.allowedBytes) return;
    const most = this.allowedBytes;
    this.destroy(this.lost(`invalid message from the coordinator: more than ${most} bytes`));
  }

  private receive(bytes: Uint8Array, isBinary: boolean): void {
    if (this.end) return;
    this.pendingBytes = 0;
    if (this.isWelcome && this.transport.unsentBytes > this.allowedUnsentBytes) {
      this.destroy(this.lost("the coordinator does not read the answers to what it asks"));
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
      // What fails here fails at the next try too: the engine refuses.
      this.reject(asTandemError(error));
      this.transport.destroy();
    }
    // What arrived while the task was computed has not been looked at yet.
    this.lastByteMs = performance.now();
  }

  private take(frame: Frame): void {
    const older = olderSide(frame.header);
    if (older) {
      this.close({ kind: "refused", cause: "version", reason: older }, closeCodes.version, older);
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
        if (!this.runtime.takeFromCoordinator) throw new FrameError(`${message.type} to no relay`);
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
    const { holder, means } = this.options;
    const admission = admitRun(config, means);
    if (admission.refusal) {
      this.refuse(admission.refusal);
      return;
    }
    const { layout } = admission;
    this.isWelcome = true;
    this.allowedBytes = maxMessageBytes(layout);
    this.allowedUnsentBytes = maxUnsentBytes(layout, means);
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

  /** That of an earlier connection is none of this one's before its welcome. */
  private get runtime(): Runtime {
    const { runtime } = this.options.holder;
    if (!this.isWelcome || !runtime) throw new FrameError("a task before the welcome");
    return runtime;
  }

  private send(message: FromWorker, parts: ArrayBufferView[] = []): void {
    this.transport.send(encodeFrame(message, parts));
  }

  private close(end: ConnectionEnd, code: number, reason = ""): void {
    this.end ??= end;
    this.transport.close(code, reason);
    this.timers.push(setTimeout(() => this.transport.destroy(), CLOSING_MS));
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

/** Looked at before anything else, as another version's messages may be of other forms. */
function olderSide({ type, protocol }: Readonly<Record<string, unknown>>): string | undefined {
  if (type !== "welcome" || typeof protocol !== "number") return undefined;
  if (protocol === PROTOCOL_VERSION) return undefined;
  const older = protocol < PROTOCOL_VERSION ? "coordinator" : "worker";
  return `coordinator speaks protocol ${protocol}, this worker ${PROTOCOL_VERSION}: update the ${older}`;
}

function asTandemError(error: unknown): TandemError {
  if (error instanceof TandemError) return error;
  return new TandemError(
    "compute-failed",
    `The worker could not compute its task (${messageOf(error)}). Is there enough memory?`,
    { cause: error },
  );
}
