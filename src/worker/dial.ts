// Opens a connection to a coordinator: the WebSocket handshake with token and certificates.
import type { Socket } from "node:net";
import * as tls from "node:tls";
import { WebSocket } from "ws";
import { messageOf } from "../shared/errors.js";
import { socketOptions } from "../shared/protocol/channel.js";
import type { Transport } from "../shared/protocol/transport.js";
import { WebSocketTransport } from "../shared/protocol/ws-transport.js";
import { sanitizeText } from "../shared/text.js";
import { MAX_REASON_LENGTH } from "./connection-end.js";
import type { DialFailure } from "./worker.js";

const CONNECT_MS = 10_000;
/** Far above any message of a run; the run's own limit is checked as bytes arrive (limits.ts). */
const MAX_PAYLOAD_BYTES = 512 * 2 ** 20;
/** Overload, or a proxy whose coordinator is unreachable. */
const TEMPORARY_STATUSES: readonly number[] = [429, 502, 503, 504];

export interface DialOptions {
  token?: string;
  /** Certificate authorities to trust in addition to the system's. */
  ca?: Buffer;
}

/**
 * Connects, and returns the result of `serve`.
 * @param serve called in the same turn of the event loop in which the connection opens, so that it misses no byte
 */
export function dial<T>(
  url: string,
  options: DialOptions,
  stop: AbortSignal,
  serve: (transport: Transport) => Promise<T>,
): Promise<T | DialFailure> {
  if (stop.aborted) return Promise.resolve({ kind: "stopped" });
  return new Promise((resolve) => {
    const socket = new WebSocket(url, {
      ...socketOptions(MAX_PAYLOAD_BYTES),
      handshakeTimeout: CONNECT_MS,
      ...(options.token === undefined
        ? {}
        : { headers: { authorization: `Bearer ${options.token}` } }),
      ...(options.ca === undefined ? {} : { ca: trustedCertificates(options.ca) }),
      // Masks protect against scripts in browsers (RFC 6455, section 10.3); here they can be zero, which costs no time.
      generateMask: (mask) => void mask.fill(0),
    });
    let stream: Socket | undefined;
    const settle = (result: Promise<T> | DialFailure) => {
      stop.removeEventListener("abort", abort);
      resolve(result);
    };
    const abort = () => {
      settle({ kind: "stopped" });
      socket.terminate();
    };
    stop.addEventListener("abort", abort, { once: true });
    socket.on("upgrade", (response) => (stream = response.socket));
    socket.on("open", () => settle(serve(new WebSocketTransport(socket, stream!))));
    socket.on("unexpected-response", (_request, response) => {
      settle(failureOf(response.statusCode ?? 0, response.statusMessage ?? ""));
      socket.terminate();
    });
    socket.on("error", (error) => {
      const reason = sanitizeText(messageOf(error), MAX_REASON_LENGTH) || "no connection";
      settle({ kind: "failed", reason });
    });
  });
}

function failureOf(status: number, statusMessage: string): DialFailure {
  const text =
    status === 401
      ? "the token is missing or wrong"
      : sanitizeText(statusMessage, MAX_REASON_LENGTH);
  const reason = `HTTP ${status}: ${text}`;
  if (TEMPORARY_STATUSES.includes(status)) return { kind: "failed", reason };
  return { kind: "refused", cause: "other", reason };
}

/** Adds the given certificates to those that Node trusts: the option `ca` alone would replace them. */
export function trustedCertificates(ca: Buffer): (string | Buffer)[] {
  // Exists since Node 22.15; includes NODE_EXTRA_CA_CERTS and --use-system-ca.
  const { getCACertificates } = tls as {
    getCACertificates?: (type: "default") => readonly string[];
  };
  return [...(getCACertificates?.("default") ?? tls.rootCertificates), ca];
}
