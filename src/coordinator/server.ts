// The coordinator's port: lets in workers that may come, and turns away the rest before anything of size is read or sent.
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { messageOf, TandemError } from "../shared/errors.js";
import type { Events } from "../shared/events.js";
import { encoded, socketOptions } from "../shared/protocol/channel.js";
import { encodeFrame, MAX_HEADER_BYTES } from "../shared/protocol/frame.js";
import type { FromCoordinator } from "../shared/protocol/messages.js";
import { factorParts, maxResultBytes } from "../shared/protocol/payload.js";
import { largestShard } from "../shared/config.js";
import type { Network } from "../shared/model/network.js";
import type { Gradient } from "../shared/model/values.js";
import { Conduct } from "./conduct.js";
import type { Dashboard } from "./dashboard/dashboard.js";
import type { WorkerStatus } from "./dashboard/recorder.js";
import type { Pool } from "./pool.js";
import { DEFAULT_TIMES, Session, type SessionTimes } from "./session.js";
import type { StateFeed } from "./state-feed.js";
import type { EndReason } from "./tasks.js";

export interface ServerOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Workers must show the same. */
  token?: string;
  tls?: { cert: Buffer; key: Buffer };
  maxConnections?: number;
  times?: SessionTimes;
}

export interface ServerParts {
  pool: Pool;
  feed: StateFeed;
  network: Network;
  events: Events;
  /** Answers what is no worker. */
  dashboard: Pick<Dashboard, "handle">;
}

const DEFAULT_MAX_CONNECTIONS = 1024;
const CLOSING_MS = 2_000;
const REJECTIONS_WINDOW_MS = 1_000;
const MAX_REJECTIONS_TOLD = 20;

export class CoordinatorServer {
  private readonly options: ServerOptions;
  private readonly parts: ServerParts;
  private readonly http: Server;
  private readonly sockets: WebSocketServer;
  private readonly sessions = new Set<Session>();
  private readonly conduct = new Conduct();
  private rejectionsSinceMs = 0;
  private rejectionsTold = 0;

  constructor(options: ServerOptions, parts: ServerParts) {
    this.options = options;
    this.parts = parts;
    const { tls } = options;
    this.http = tls ? createTlsServer(tls) : createServer();
    this.http.on("request", (request, response) => {
      this.parts.dashboard.handle(request, response);
    });
    // Padding and the parts' lengths are in the header's allowance.
    const limit = maxResultBytes(parts.network, largestShard(parts.feed.config)) + MAX_HEADER_BYTES;
    this.sockets = new WebSocketServer({ noServer: true, ...socketOptions(limit) });
    this.http.on("upgrade", (request, socket, head) => this.upgrade(request, socket, head));
    this.http.on("clientError", (_error, socket) => socket.destroy());
  }

  /**
   * @returns the URL that workers are given
   * @throws TandemError `listen-failed`
   */
  async listen(): Promise<string> {
    const { host, port, tls } = this.options;
    await new Promise<void>((resolve, reject) => {
      this.http.once("error", (error) => {
        reject(
          new TandemError(
            "listen-failed",
            `Cannot listen on ${host}:${port} (${messageOf(error)}). Take another --port (0 for a free one) or --host.`,
            { cause: error },
          ),
        );
      });
      this.http.listen(port, host, resolve);
    });
    const address = this.http.address();
    const boundPort = typeof address === "object" && address ? address.port : port;
    const shownHost = host.includes(":") ? `[${host}]` : host;
    const url = `${tls ? "wss" : "ws"}://${shownHost}:${boundPort}`;
    this.parts.events.emit({ event: "listening", url, urls: [url] });
    return url;
  }

  /** Tells everyone who is connected that the run is over, waits a little for their goodbyes, and closes what is left. */
  async close(reason: EndReason): Promise<void> {
    this.http.close();
    for (const session of this.sessions) session.end(reason);
    const deadline = performance.now() + CLOSING_MS;
    while (this.sockets.clients.size > 0 && performance.now() < deadline) {
      const [client] = this.sockets.clients;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadline - performance.now());
        client?.once("close", () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    for (const client of this.sockets.clients) client.terminate();
    this.http.closeAllConnections();
  }

  /** Of the workers that take part now. */
  workers(): WorkerStatus[] {
    return [...this.sessions].flatMap((session) => session.status ?? []);
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const refusal = this.refusal(request);
    if (refusal) {
      this.tellRejected(addressOf(request), refusal.reason);
      socket.end(
        `HTTP/1.1 ${refusal.status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(refusal.reason)}\r\n\r\n${refusal.reason}`,
      );
      return;
    }
    this.sockets.handleUpgrade(request, socket, head, (webSocket) => {
      this.sessions.add(
        new Session(webSocket, {
          ...this.parts,
          times: this.options.times ?? DEFAULT_TIMES,
          conduct: this.conduct,
          address: addressOf(request),
          traffic: () => request.socket,
          onRejected: (name, reason) => this.tellRejected(name, reason),
          relay: (...what) => this.relay(...what),
          onDrifted: (worker, step) => this.parts.events.emit({ event: "drift", worker, step }),
          uniqueName: (wished) => this.uniqueName(wished),
          onClosed: (session) => this.sessions.delete(session),
        }),
      );
    });
  }

  private relay(
    from: Session,
    step: number,
    shard: number,
    classifier: ReadonlyMap<string, Gradient>,
  ): void {
    const { feed, network } = this.parts;
    if (!feed.wantsRelay(step, shard)) return;
    const parts = factorParts(network, classifier);
    if (parts.length === 0) return;
    const header = { type: "factors", step, shard } satisfies FromCoordinator;
    const frame = encoded(encodeFrame(header, parts));
    const others = [...this.sessions].filter((other) => other !== from && other.sendFactors(frame));
    feed.noteRelay(shard, from, others);
  }

  /** Told, but not more often than anyone would want to read: a flood of bad peers must not flood the log. */
  private tellRejected(name: string, reason: string): void {
    const now = performance.now();
    if (now - this.rejectionsSinceMs > REJECTIONS_WINDOW_MS) {
      this.rejectionsSinceMs = now;
      this.rejectionsTold = 0;
    }
    if (++this.rejectionsTold > MAX_REJECTIONS_TOLD) return;
    this.parts.events.emit({ event: "worker", name, state: "rejected", reason });
  }

  private refusal(request: IncomingMessage): { status: string; reason: string } | undefined {
    // Only browsers send an Origin; a page from elsewhere must not drive the coordinator from a visitor's machine.
    if (request.headers.origin !== undefined) {
      return { status: "403 Forbidden", reason: "workers are not browsers" };
    }
    if (!this.hasToken(request.headers.authorization)) {
      return { status: "401 Unauthorized", reason: "the token is missing or wrong" };
    }
    if (this.sessions.size >= (this.options.maxConnections ?? DEFAULT_MAX_CONNECTIONS)) {
      return { status: "503 Service Unavailable", reason: "as many workers as can be taken" };
    }
    return undefined;
  }

  /** In constant time: the digests are compared, whatever the lengths. */
  private hasToken(authorization: string | undefined): boolean {
    const { token } = this.options;
    if (token === undefined) return true;
    const digest = (text: string) => createHash("sha256").update(text).digest();
    return timingSafeEqual(digest(authorization ?? ""), digest(`Bearer ${token}`));
  }

  private uniqueName(wished: string): string {
    const taken = new Set([...this.sessions].map((session) => session.name));
    for (let number = 1; ; number++) {
      const name = number === 1 ? wished : `${wished}-${number}`;
      if (!taken.has(name)) return name;
    }
  }
}

function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? "unknown";
}
