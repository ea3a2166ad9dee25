// The page of finished runs, on a port of its own until the process is interrupted: for `show`, and for a coordinator that keeps
// its page. Health checks are answered too, and workers that try to join are asked to try again later.
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { Dashboard } from "../coordinator/observe/dashboard/dashboard.js";
import type { ShownRun } from "../coordinator/observe/dashboard/page-files.js";
import { reachableUrls } from "../coordinator/workers/addresses.js";
import { messageOf, TandemError } from "../shared/errors.js";
import { Interrupts } from "./interrupts.js";

/** Where it is served, and to whom: with a token to those who have it. */
export interface PagePlace {
  host: string;
  port: number;
  token?: string | undefined;
  /** In PEM. */
  tls?: { cert: Buffer; key: Buffer } | undefined;
}

const MAX_CONNECTIONS = 256;
/** A status that workers take as passing. */
const NO_RUN = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/**
 * Serves until a signal ends it.
 * @param onListening called with the page's address
 * @returns the exit code
 * @throws TandemError `listen-failed`
 */
export async function servePage(
  runs: readonly ShownRun[],
  { host, port, token, tls }: PagePlace,
  onListening: (url: string) => void,
): Promise<number> {
  const isSecure = tls !== undefined;
  const dashboard = new Dashboard({ runs, isSecure, ...(token === undefined ? {} : { token }) });
  const server: Server = tls ? createTlsServer(tls) : createServer();
  server.maxConnections = MAX_CONNECTIONS;
  server.on("request", (request, response) => dashboard.handle(request, response));
  server.on("upgrade", (_request, socket) => {
    socket.on("error", () => socket.destroy());
    socket.end(NO_RUN);
  });
  const interrupts = new Interrupts();
  const boundPort = await listen(server, host, port);
  const [url = ""] = reachableUrls(isSecure ? "wss" : "ws", host, boundPort);
  onListening(`${url.replace(/^ws/, "http")}/`);
  const { signal } = interrupts;
  await new Promise<void>((done) => {
    if (signal.aborted) done();
    else signal.addEventListener("abort", () => done());
  });
  dashboard.close();
  server.closeAllConnections();
  server.close();
  return interrupts.exitCode;
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      reject(
        new TandemError(
          "listen-failed",
          `Cannot listen on ${host}:${port} (${messageOf(error)}). Choose another --port (0 for any free port).`,
          { cause: error },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return typeof address === "object" && address ? address.port : port;
}
