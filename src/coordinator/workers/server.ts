// The coordinator's port: admits authorized workers, and rejects everyone else before anything large is read or sent.
import { type IncomingMessage, type Server, ServerResponse } from "node:http";
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
import { createHttpServer, type TlsKeyPair } from "./http-server.js";
import { LostWorkers } from "./lost-workers.js";
import { SendBudget } from "./outbox.js";
import { RejectionReports } from "./rejection-reports.js";
import { Session } from "./session.js";
import { refuseUpgrade } from "./upgrade-refusal.js";
import { DEFAULT_TIMES, type SessionTimes } from "./session-times.js";
import type { WorkerPool } from "./worker-pool.js";

export interface ServerOptions {
  host: string;
  /** 0: any free port. */
  port: number;
  /** Workers must present this token. */
  token?: string;
  tls?: TlsKeyPair;
  times?: SessionTimes;
  /** Number of worker processes that this process starts itself; lost ones are not waited for at the end. */
  ownWorkers?: number;
}

export interface ServerParts {
  pool: WorkerPool;
  broadcast: WorkerBroadcast;
  /** As in `SessionParts`. */
  relayRefusal?: () => Refusal | undefined;
  numerics: NumericsCheck;
  events: Events;
  /** Answers HTTP requests, and checks the credentials of workers. */
  dashboard: Pick<Dashboard, "handle" | "auth">;
}

const CLOSING_MS = 2_000;
/** Time that a peer has to read a refusal. */
const REFUSAL_MS = 1_000;

/** Limit of unsent bytes for all workers together, in addition to three states. */
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
    this.http = createHttpServer(options.tls);
    this.http.on("connection", (socket: Socket) => this.admit(socket));
    this.http.on("request", (request, response) => this.answer(request, response));
    // The header's limit includes padding and the parts' lengths.
    const limit = maxAnswerBytes(parts.broadcast.layout) + MAX_HEADER_BYTES;
    this.sockets = new WebSocketServer({ noServer: true, ...socketOptions(limit) });
    this.http.on("upgrade", (request, socket, head) => this.upgrade(request, socket, head));
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
    // For example EMFILE on accept: the connection is lost, but the port stays open.
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
   * Ends all sessions, waits briefly for goodbyes and for lost workers to reconnect, and closes all remaining connections.
   * @param reason why the run is over; undefined if it is not, so that workers should connect elsewhere
   */
  async close(reason: EndReason | undefined): Promise<void> {
    this.endReason = reason;
    for (const session of this.sessions) {
      if (reason === undefined) session.dismiss("this relay is closing");
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

  /** Used by a relay that has lost its coordinator: the relays behind it connect elsewhere, so that it can join one of them. */
  dismissRelays(): void {
    for (const session of this.sessions) {
      if (session.kind === "relay") session.dismiss(NO_COORDINATOR.reason);
    }
  }

  /** Status of the workers that take part at present. */
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
    // Pipelining, which no browser does: thousands of requests fit into one packet, and each would be computed even if the
    // socket is gone.
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
      // Another protocol, such as h2c; a server may ignore it (RFC 9110, section 7.8). Node hands over the socket without a
      // response, so one is created here.
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

  /** The send budget is exceeded: drops the workers that have read nothing for the longest time. */
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

/** The same for a TCP socket and the TLS socket on top of it. */
function keyOf(socket: Socket): string {
  return `${addressOf(socket)} ${socket.remotePort}`;
}
