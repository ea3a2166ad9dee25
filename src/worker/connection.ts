// One connection of a worker to its coordinator, from hello to whatever ends it.
import { WebSocket } from "ws";
import { messageOf, TandemError } from "../shared/errors.js";
import {
  FrameReader,
  receiveFrames,
  sendMessage,
  socketOptions,
  type TailPlaces,
} from "../shared/protocol/channel.js";
import { closeCodes, FINAL_CLOSE_CODES } from "../shared/protocol/close-codes.js";
import { type Frame, FrameError } from "../shared/protocol/frame.js";
import {
  type FromCoordinator,
  type FromWorker,
  parseFromCoordinator,
  PROTOCOL_VERSION,
} from "../shared/protocol/messages.js";
import { Computer } from "./computer.js";

/** What a coordinator may send at most in one message: the largest network's state with Adam's slots is below it. */
const MAX_MESSAGE_BYTES = 2 ** 32 - 1;
const CONNECT_MS = 10_000;
/** The coordinator pings every two seconds; after so long without anything it is gone. */
const SILENCE_MS = 15_000;
const SILENCE_CHECK_MS = 1_000;

export interface ConnectionOptions {
  url: string;
  name: string;
  token?: string;
  /** Certificates that the coordinator's may be signed by, besides the system's. */
  ca?: Buffer;
}

export type ConnectionEnd =
  /** The coordinator said that the run is over. */
  | { kind: "ended"; reason: string }
  /** The worker was asked to stop, and said goodbye. */
  | { kind: "stopped" }
  /** The coordinator refused for good. */
  | { kind: "refused"; reason: string }
  /** The connection broke or never came about; it may be tried again. */
  | { kind: "lost"; reason: string; wasWelcome: boolean };

export interface ConnectionEvents {
  onWelcome: (name: string) => void;
}

/** The computer outlives a connection, so that a worker that comes back need not load TensorFlow again. */
export interface ComputerHolder {
  computer: Computer | undefined;
}

/**
 * Connects, works until something ends the connection, and tells what.
 * @param stop asks to finish the task in hand and say goodbye
 */
export function workThrough(
  options: ConnectionOptions,
  holder: ComputerHolder,
  events: ConnectionEvents,
  stop: AbortSignal,
): Promise<ConnectionEnd> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(options.url, {
      ...socketOptions(MAX_MESSAGE_BYTES),
      handshakeTimeout: CONNECT_MS,
      ...(options.token === undefined
        ? {}
        : { headers: { authorization: `Bearer ${options.token}` } }),
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      // Masks guard against scripts in browsers (RFC 6455, section 10.3); of zeros they cost nothing.
      generateMask: (mask) => void mask.fill(0),
    });
    let wasWelcome = false;
    let end: ConnectionEnd | undefined;
    let lastSignMs = performance.now();
    const silenceTimer = setInterval(() => {
      if (performance.now() - lastSignMs < SILENCE_MS) return;
      finish({ kind: "lost", reason: "the coordinator is silent", wasWelcome });
      socket.terminate();
    }, SILENCE_CHECK_MS);

    const finish = (how: ConnectionEnd) => (end ??= how);
    const heard = () => (lastSignMs = performance.now());
    const sayGoodbye = () => {
      finish({ kind: "stopped" });
      if (socket.readyState !== WebSocket.OPEN) {
        socket.terminate();
        return;
      }
      send(socket, { type: "goodbye" });
      socket.close(closeCodes.goingAway);
      setTimeout(() => socket.terminate(), 1_000).unref();
    };
    const handle = (message: FromCoordinator, frame: Frame) => {
      switch (message.type) {
        case "welcome":
          wasWelcome = true;
          if (!holder.computer?.fits(message.config, message.broadcast)) {
            holder.computer = new Computer(message.config, message.broadcast);
          }
          events.onWelcome(message.name);
          send(socket, { type: "ready" });
          return;
        case "end":
          finish({ kind: "ended", reason: message.reason });
          socket.close(closeCodes.ended);
          return;
        case "state":
          computerOf(holder).takeState(message, frame.parts);
          return;
        case "update": {
          const computer = computerOf(holder);
          computer.takeUpdate(message, frame.parts);
          if (message.wantsDigest) send(socket, computer.digest());
          return;
        }
        case "shard":
        case "evaluate":
          computerOf(holder).compute(message, frame.parts, (reply) =>
            send(socket, reply.message, reply.parts),
          );
          return;
        case "factors":
          computerOf(holder).takeFactors(message, frame.parts);
          return;
        default:
          message satisfies never;
      }
    };
    const receive = (frame: Frame) => {
      if (end) return;
      try {
        const older = olderSide(frame.header);
        if (older) {
          finish({ kind: "refused", reason: older });
          socket.close(closeCodes.version, older);
          return;
        }
        handle(parseFromCoordinator(frame), frame);
      } catch (error) {
        if (error instanceof FrameError) throw error;
        // What fails here fails at the next try too: the library does not load, or TensorFlow refuses.
        socket.terminate();
        cleanUp();
        reject(asTandemError(error));
      }
      // What arrived while the task was computed has not been looked at yet.
      heard();
    };
    const cleanUp = () => {
      clearInterval(silenceTimer);
      stop.removeEventListener("abort", sayGoodbye);
    };

    receiveFrames(socket, new FrameReader(placesOf(holder)), receive, (error) => {
      const reason = `the coordinator sent what cannot be: ${error.message}`;
      finish({ kind: "lost", reason, wasWelcome: false });
      socket.close(closeCodes.badMessage, error.message.slice(0, 100));
    });
    socket.on("open", () => {
      send(socket, { type: "hello", protocol: PROTOCOL_VERSION, name: options.name });
    });
    // Any byte is a sign of life: on a slow line a state takes long, and pings wait behind it.
    socket.on("upgrade", (response) => response.socket.on("data", heard));
    socket.on("unexpected-response", (_request, response) => {
      const status = response.statusCode ?? 0;
      const reason = `HTTP ${status}: ${status === 401 ? "the token is missing or wrong" : (response.statusMessage ?? "")}`;
      const isFinal = status !== 503 && status >= 400;
      finish(isFinal ? { kind: "refused", reason } : { kind: "lost", reason, wasWelcome });
      socket.terminate();
    });
    socket.on("error", (error) =>
      finish({ kind: "lost", reason: messageOf(error) || "no connection", wasWelcome }),
    );
    socket.on("close", (code, reason) => {
      cleanUp();
      resolve(end ?? closedBy(code, reason.toString(), wasWelcome));
    });
    if (stop.aborted) sayGoodbye();
    else stop.addEventListener("abort", sayGoodbye, { once: true });
  });
}

function send(socket: WebSocket, message: FromWorker, parts: ArrayBufferView[] = []): void {
  sendMessage(socket, message, parts);
}

/** A state's tail goes to where the computer wants it. */
function placesOf(holder: ComputerHolder): TailPlaces {
  return (header, lengths) =>
    computerOf(holder).tailPlaces(parseFromCoordinator({ header }), lengths);
}

function computerOf(holder: ComputerHolder): Computer {
  if (!holder.computer) throw new FrameError("a task before the welcome");
  return holder.computer;
}

/** Looked at before anything else, as another version's messages may be of other forms. */
function olderSide({ type, protocol }: Readonly<Record<string, unknown>>): string | undefined {
  if (type !== "welcome" || typeof protocol !== "number") return undefined;
  if (protocol === PROTOCOL_VERSION) return undefined;
  const older = protocol < PROTOCOL_VERSION ? "coordinator" : "worker";
  return `coordinator speaks protocol ${protocol}, this worker ${PROTOCOL_VERSION}: update the ${older}`;
}

function closedBy(code: number, reason: string, wasWelcome: boolean): ConnectionEnd {
  const text = reason === "" ? `the connection was closed (${code})` : reason;
  if (code === closeCodes.ended) return { kind: "ended", reason: text };
  if (FINAL_CLOSE_CODES.includes(code)) return { kind: "refused", reason: text };
  return { kind: "lost", reason: text, wasWelcome };
}

function asTandemError(error: unknown): TandemError {
  if (error instanceof TandemError) return error;
  return new TandemError(
    "compute-failed",
    `The worker could not compute its task (${messageOf(error)}). Is there enough memory?`,
    { cause: error },
  );
}
