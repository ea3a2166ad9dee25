// The page on the coordinator's port: files, the lines as they come (server-sent events), a digit to recognise. Read-only.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Line } from "./lines.js";
import { Gate } from "./gate.js";
import { History } from "./history.js";
import { pageFile, type ShownRun } from "./page-files.js";

const MAX_VIEWERS = 64;
/** A viewer that does not read what it is sent is let go; it comes back by itself, and is told all anew. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;
const MAX_TOKEN_BYTES = 4096;
const KEEP_ALIVE_MS = 15_000;

export interface DashboardOptions {
  token?: string;
  /** Cookies are for TLS only. */
  isSecure?: boolean;
  /** Bytes of an image to draw on. */
  imageBytes?: number;
  /** Runs that are over, to be shown instead of one that goes on. */
  runs?: readonly ShownRun[];
  metrics?: () => Promise<{ contentType: string; text: string }>;
  /** True while the run can go on. */
  isReady?: () => boolean;
}

/** The classes' probabilities, with the step that the weights are of. */
export type Predict = (pixels: Uint8Array) => { step: number; probabilities: number[] };

export class Dashboard {
  private readonly options: DashboardOptions;
  private readonly history = new History();
  private readonly viewers = new Set<ServerResponse>();
  private readonly gate: Gate;
  private readonly keepAlive: NodeJS.Timeout;
  private predict: Predict | undefined;
  /** What went to pages, in all. */
  sentBytes = 0;

  constructor(options: DashboardOptions) {
    this.options = options;
    this.gate = new Gate(options.token);
    this.keepAlive = setInterval(() => this.send(":\n\n"), KEEP_ALIVE_MS).unref();
  }

  get viewerCount(): number {
    return this.viewers.size;
  }

  add(line: Line): void {
    this.history.add(line);
    this.send(messageOf(line));
  }

  /** From now on digits can be recognised. */
  offerPredictions(predict: Predict): void {
    this.predict = predict;
    this.send(messageOf({ kind: "reset", canPredict: true }) + this.past());
  }

  /** Lets the viewers go. */
  close(): void {
    clearInterval(this.keepAlive);
    this.predict = undefined;
    for (const viewer of this.viewers) viewer.end();
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    response.on("error", () => response.destroy());
    this.answer(request, response).catch(() => {
      if (!response.headersSent) plain(response, 500, "This should not happen; please report it.");
      response.destroy();
    });
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://tandem");
    const route = `${request.method === "HEAD" ? "GET" : (request.method ?? "")} ${pathname}`;
    response.setHeader("cache-control", "no-store");
    response.setHeader("x-content-type-options", "nosniff");
    response.setHeader("referrer-policy", "no-referrer");
    // The page needs nothing from anywhere else, and is let have nothing.
    response.setHeader(
      "content-security-policy",
      "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    );
    switch (route) {
      case "GET /healthz":
        plain(response, 200, "ok");
        return;
      case "GET /readyz": {
        const isReady = this.options.isReady?.() ?? true;
        plain(response, isReady ? 200 : 503, isReady ? "ok" : "waiting for workers");
        return;
      }
      case "POST /login":
        return this.login(request, response);
    }
    if (request.method !== "GET" && request.method !== "HEAD" && route !== "POST /predict") {
      plain(response, 405, "This page only reads.");
      return;
    }
    if (!this.gate.mayRead(request)) {
      if (route !== "GET /") {
        plain(response, 401, "the token is missing or wrong");
        return;
      }
      this.file(response, "login.html", 401);
      return;
    }
    switch (route) {
      case "GET /":
        this.file(response, "index.html");
        return;
      case "GET /page.js":
        this.file(response, "page.js");
        return;
      case "GET /page.css":
        this.file(response, "page.css");
        return;
      case "GET /runs": {
        const { runs } = this.options;
        response.writeHead(runs ? 200 : 204, { "content-type": "application/json" });
        response.end(runs ? JSON.stringify(runs) : undefined);
        return;
      }
      case "GET /live":
        this.watch(request, response);
        return;
      case "POST /predict":
        return this.recognise(request, response);
      case "GET /metrics": {
        const metrics = await this.options.metrics?.();
        if (!metrics) {
          plain(response, 404, "no metrics here");
          return;
        }
        response.writeHead(200, { "content-type": metrics.contentType });
        response.end(metrics.text);
        return;
      }
      default:
        plain(response, 404, "nothing here; the page is at /");
        return;
    }
  }

  private file(response: ServerResponse, name: string, status = 200): void {
    const { bytes, type } = pageFile(name);
    response.writeHead(status, { "content-type": type, "content-length": bytes.byteLength });
    response.end(bytes);
  }

  private watch(request: IncomingMessage, response: ServerResponse): void {
    if (this.viewers.size >= MAX_VIEWERS) {
      plain(response, 503, "as many pages as can be");
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    this.viewers.add(response);
    response.on("close", () => this.viewers.delete(response));
    const reset = messageOf({ kind: "reset", canPredict: this.predict !== undefined });
    this.sendTo(response, `retry: 1000\n\n${reset}${this.past()}`);
  }

  private past(): string {
    return this.history.lines().map(messageOf).join("");
  }

  private send(text: string): void {
    for (const viewer of this.viewers) this.sendTo(viewer, text);
  }

  private sendTo(viewer: ServerResponse, text: string): void {
    if (viewer.writableLength > MAX_UNREAD_BYTES) {
      viewer.destroy();
      return;
    }
    this.sentBytes += Buffer.byteLength(text);
    viewer.write(text);
  }

  private async recognise(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { imageBytes = 0 } = this.options;
    const pixels = await bodyOf(request, imageBytes);
    if (!this.predict) {
      plain(response, 503, "no weights yet");
      return;
    }
    if (pixels?.byteLength !== imageBytes) {
      plain(response, 400, `not ${imageBytes} bytes`);
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(this.predict(pixels)));
  }

  private async login(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request, MAX_TOKEN_BYTES);
    const given = new URLSearchParams(body?.toString() ?? "").get("token") ?? "";
    const cookie = this.gate.cookieFor(given, this.options.isSecure ?? false);
    if (cookie === undefined) {
      this.file(response, "login.html", 401);
      return;
    }
    response.writeHead(303, { location: "/", "set-cookie": cookie });
    response.end();
  }
}

function messageOf(line: Line): string {
  return `data: ${JSON.stringify(line)}\n\n`;
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(`${text}\n`);
}

/** @returns undefined where there is more than `limit` */
async function bodyOf(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.byteLength;
    if (length > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
