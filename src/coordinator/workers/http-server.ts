// The HTTP or HTTPS server behind the coordinator's port. Slow and idle connections are closed, broken ones too.
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";

/** Certificate and key in PEM. */
export interface TlsKeyPair {
  cert: string | Uint8Array;
  key: string | Uint8Array;
}

/** From a connection to the end of its request's headers. */
const HEADERS_MS = 10_000;
/** From a connection to the end of its request. */
const REQUEST_MS = 20_000;
/** Without a byte in either direction. */
const INACTIVE_MS = 60_000;
const CHECK_MS = 1_000;

/** @param tls undefined: plain HTTP */
export function createHttpServer(tls: TlsKeyPair | undefined): Server {
  const limits = {
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: CHECK_MS,
  };
  const server = tls
    ? createTlsServer({
        ...limits,
        cert: toPem(tls.cert),
        key: toPem(tls.key),
        handshakeTimeout: HEADERS_MS,
      })
    : createServer(limits);
  server.setTimeout(INACTIVE_MS, (socket: Socket) => socket.destroy());
  server.on("clientError", (_error, socket) => socket.destroy());
  server.on("tlsClientError", (_error: Error, socket: Socket) => socket.destroy());
  return server;
}

function toPem(value: string | Uint8Array): string | Buffer {
  return typeof value === "string" ? value : Buffer.from(value);
}
