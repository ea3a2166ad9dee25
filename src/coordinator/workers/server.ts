// The coordinator's port: lets in workers that may come, and turns away the rest before anything of size is read or sent.
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { messageOf, TandemError } from "../../shared/errors.js";
import type { Events } from "../../shared/events.js";
import { socketOptions } from "../../shared/protocol/channel.js";
import { MAX_HEADER_BYTES } from "../../shared/protocol/frame.js";
import { maxAnswerBytes } from "../../shared/protocol/payloads/answer-bytes.js";
import { WebSocketTransport } from "../../shared/protocol/ws-transport.js";
import type { WorkerBroadcast } from "../broadcast/broadcast.js";
import type { Dashboard } from "../observe/dashboard/dashboard.js";
import type { WorkerStatus } from "../observe/dashboard/worker-table.js";
import type { NumericsCheck } from "./numerics-check.js";
import { NO_COORDINATOR, type Refusal, type SessionPhase } from "./handshake.js";
import type { EndReason } from "./tasks.js";
import { reachableUrls } from "./addresses.js";
import { BanList } from "./ban-list.js";
import {
  ConnectionLimits,
  descriptorLimit,
  maxConnections,
  type Stage,
} from "./connection-limits.js";
import { LostWorkers } from "./lost-workers.js";
import { SendBudget } from "./outbox.js";
import { RejectionReports } from "./rejection-reports.js";
import { Session } from "./session.js";
import { refuseUpgrade } from "./upgrade-refusal.js";
import { DEFAULT_TIMES, type SessionTimes } from "./session-times.js";
import type { WorkerPool } from "./worker-pool.js";

export interface ServerOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Workers must show the same. */
  token?: string;
  /** Certificate and key in PEM. */
  tls?: { cert: string | Uint8Array; key: string | Uint8Array };
  times?: SessionTimes;
  /** Worker processes that this process starts itself. They need not be waited for at the end. */
  ownWorkers?: number;
}

export interface ServerParts {
  pool: WorkerPool;
  broadcast: WorkerBroadcast;
  /** As in `SessionParts`. */
  relayRefusal?: () => Refusal | undefined;
  numerics: NumericsCheck;
  events: Events;
  /** Answers what is no worker, and knows who may be one. */
  dashboard: Pick<Dashboard, "handle" | "auth">;
}

const CLOSING_MS = 2_000;

/** From a connection to the end of its request's headers. */
const HEADERS_MS = 10_000;
/** From a connection to the end of its request. */
const REQUEST_MS = 20_000;
/** Without a byte in either direction. */
const INACTIVE_MS = 60_000;
/** A refusal may take so long to be read. */
const REFUSAL_MS = 1_000;

/** What may wait unsent for all workers together, beyond three states. */
const SEND_BUDGET_BYTES = 256 * 1024 * 1024;

const STAGE_OF: Record<SessionPhase, Stage> = {
  hello: "idle",
  loading: "joining",
  active: "joined",
  proven: "proven",
  closed: "idle",
};

export class CoordinatorServer {
  private readonly options: ServerOptions;
  private readonly parts: ServerParts;
  private readonly http: Server;
  private readonly sockets: WebSocketServer;
  private readonly sessions = new Set<Session>();
  private readonly connections: ConnectionLimits<string>;
  private readonly bans = new BanList();
  private readonly answering = new WeakSet<Socket>();
  private budget: SendBudget | undefined;
  private readonly lost = new LostWorkers();
  private readonly rejections: RejectionReports;
  private endReason: EndReason | undefined;

  constructor(options: ServerOptions, parts: ServerParts) {
    this.options = options;
    this.parts = parts;
    this.rejections = new RejectionReports(parts.events);
    this.connections = new ConnectionLimits(maxConnections(descriptorLimit(), options.ownWorkers));
    const limits = {
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      connectionsCheckingInterval: 1_000,
    };
    const { tls } = options;
    this.http = tls
      ? createTlsServer({
          ...limits,
          cert: toPem(tls.cert),
          key: toPem(tls.key),
          handshakeTimeout: HEADERS_MS,
        })
      : createServer(limits);
    this.http.setTimeout(INACTIVE_MS, (socket: Socket) => socket.destroy());
    this.http.on("connection", (socket: Socket) => this.admit(socket));
    this.http.on("request", (request, response) => this.answer(request, response));
    // Padding and the parts' lengths are in the header's allowance.
    const limit = maxAnswerBytes(parts.broadcast.layout) + MAX_HEADER_BYTES;
    this.sockets = new WebSocketServer({ noServer: true, ...socketOptions(limit) });
    this.http.on("upgrade", (request, socket, head) => this.upgrade(request, socket, head));
    this.http.on("clientError", (_error, socket) => socket.destroy());
    this.http.on("tlsClientError", (_error: Error, socket: Socket) => socket.destroy());
  }

  /**
   * @returns the URL at which workers on this machine reach it
   * @throws TandemError `listen-failed`
   */
  async listen(): Promise<string> {
    const { host, port, tls } = this.options;
    await new Promise<void>((resolve, reject) => {
      this.http.once("error", (error) => {
        reject(
          new TandemError(
            "listen-failed",
            `Cannot listen on ${host}:${port} (${messageOf(error)}). Choose another --port (0 for any free port) or --host.`,
            { cause: error },
          ),
        );
      });
      this.http.listen(port, host, resolve);
    });
    // Such as EMFILE at accept: the connection is lost, the port is not.
    this.http.on("error", () => undefined);
    const address = this.http.address();
    const boundPort = typeof address === "object" && address ? address.port : port;
    const urls = reachableUrls(tls ? "wss" : "ws", host, boundPort);
    const url = urls[0]!;
    const needsToken = this.options.token !== undefined;
    this.parts.events.emit({ event: "listening", url, urls, needsToken });
    return url;
  }

  /**
   * Ends everyone who is connected, waits a little for goodbyes and for workers that will come back, and closes what is left.
   * @param reason why the run is over; undefined where it is not, and workers are to go on elsewhere
   */
  async close(reason: EndReason | undefined): Promise<void> {
    this.endReason = reason;
    for (const session of this.sessions) {
      if (reason === undefined) session.dismiss("it has gone");
      else session.end(reason);
    }
    if (reason === "finished" && this.options.ownWorkers === undefined) {
      await this.lost.waitForReturn(performance.now());
    }
    this.http.close();
    const deadlineMs = performance.now() + CLOSING_MS;
    while (this.sockets.clients.size > 0 && performance.now() < deadlineMs) {
      const [client] = this.sockets.clients;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs - performance.now());
        client?.once("close", () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    for (const client of this.sockets.clients) client.terminate();
    this.http.closeAllConnections();
  }

  /** This relay has lost its coordinator: relays behind it go on elsewhere, so that it may join one of them. */
  dismissRelays(): void {
    for (const session of this.sessions) {
      if (session.kind === "relay") session.dismiss(NO_COORDINATOR.reason);
    }
  }

  /** Of the workers that take part now. */
  workers(): WorkerStatus[] {
    return [...this.sessions].flatMap((session) => session.status ?? []);
  }

  // ── connections ──

  private admit(socket: Socket): void {
    const key = keyOf(socket);
    socket.once("close", () => this.connections.remove(key));
    const hasRoom = this.connections.add(key, addressOf(socket), () => socket.destroy());
    if (!hasRoom) socket.destroy();
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    // A second request before the first is answered (pipelining, which no browser does): thousands of them fit into a
    // packet, and each would be computed, also when the socket is gone.
    if (this.answering.has(request.socket)) {
      request.socket.destroy();
      return;
    }
    if (request.socket.destroyed) return;
    this.answering.add(request.socket);
    const key = keyOf(request.socket);
    this.connections.setStage(key, "proven");
    response.once("close", () => {
      this.answering.delete(request.socket);
      this.connections.setStage(key, "idle");
    });
    this.parts.dashboard.handle(request, response);
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    if (request.headers.upgrade?.toLowerCase() !== "websocket") {
      // Such as h2c, which a server may ignore (RFC 9110, section 7.8); Node has taken it out of its own hands by now.
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(request.socket);
      response.once("finish", () => socket.end());
      this.answer(request, response);
      return;
    }
    const refusal = refuseUpgrade(request, this.parts.dashboard.auth);
    if (refusal) {
      this.rejections.add(addressOf(request.socket), refusal.reason, performance.now());
      socket.end(
        `HTTP/1.1 ${refusal.status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(refusal.reason)}\r\n\r\n${refusal.reason}`,
      );
      setTimeout(() => socket.destroy(), REFUSAL_MS).unref();
      return;
    }
    this.sockets.handleUpgrade(request, socket, head, (webSocket) => {
      this.openSession(new WebSocketTransport(webSocket, request.socket), request.socket);
    });
  }

  private openSession(transport: WebSocketTransport, socket: Socket): void {
    const key = keyOf(socket);
    const session = new Session(transport, {
      ...this.parts,
      times: this.options.times ?? DEFAULT_TIMES,
      bans: this.bans,
      budget: this.sendBudget(),
      address: addressOf(socket),
      endReason: () => this.endReason,
      onProgress: ({ phase, name }) => {
        this.connections.setStage(key, STAGE_OF[phase]);
        this.lost.noteReturn(name);
      },
      onRejected: (name, reason) => this.rejections.add(name, reason, performance.now()),
      uniqueName: (requested) => this.uniqueName(requested),
      onClosed: (closed, wasLost) => {
        this.sessions.delete(closed);
        if (wasLost && closed.name !== "") this.lost.noteLost(closed.name, performance.now());
      },
    });
    this.sessions.add(session);
    this.connections.setClose(key, () => session.evict());
  }

  private sendBudget(): SendBudget {
    const { stateBytes } = this.parts.broadcast;
    this.budget ??= new SendBudget(SEND_BUDGET_BYTES + 3 * stateBytes, () => this.relieve());
    return this.budget;
  }

  /** Too much waits unsent: the workers that have read nothing for longest are dropped. */
  private relieve(): void {
    const nowMs = performance.now();
    const byStall = [...this.sessions].sort((a, b) => b.stalledMs(nowMs) - a.stalledMs(nowMs));
    for (const session of byStall) {
      if (!this.budget?.isExceeded || session.stalledMs(nowMs) === 0) return;
      session.dropUnread();
    }
  }

  private uniqueName(requested: string): string {
    const taken = new Set([...this.sessions].map((session) => session.name));
    for (let number = 1; ; number++) {
      const name = number === 1 ? requested : `${requested}-${number}`;
      if (!taken.has(name)) return name;
    }
  }
}

function addressOf(socket: Socket): string {
  return socket.remoteAddress ?? "unknown";
}

/** The same for a TCP socket and for the TLS socket on it. */
function keyOf(socket: Socket): string {
  return `${addressOf(socket)} ${socket.remotePort}`;
}

function toPem(value: string | Uint8Array): string | Buffer {
  return typeof value === "string" ? value : Buffer.from(value);
}
