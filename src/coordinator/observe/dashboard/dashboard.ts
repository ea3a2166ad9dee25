// The page on the coordinator's port: files, the lines as they come (server-sent events), a digit to recognise. Read-only.
// Whatever is sent here is answered in bounded time and memory.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Line } from "./lines.js";
import { DashboardAuth, isSameOrigin } from "./dashboard-auth.js";
import { History } from "./history.js";
import { LiveFeed } from "./live-feed.js";
import { pageFile, type ShownRun } from "./page-files.js";
import { TokenBucket } from "./token-bucket.js";

const MAX_VIEWERS = 64;
const MAX_TOKEN_BYTES = 4096;
const PIXELS_TYPE = "application/octet-stream";
const BODY_MS = 10_000;
/** A recognition costs the training a forward pass. */
const PREDICTIONS = { atOnce: 20, perSecond: 10 };

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
  private readonly feed: LiveFeed;
  private readonly auth: DashboardAuth;
  private readonly predictions = new TokenBucket(PREDICTIONS.atOnce, PREDICTIONS.perSecond);
  private predict: Predict | undefined;

  constructor(options: DashboardOptions) {
    this.options = options;
    this.auth = new DashboardAuth(options.token);
    this.feed = new LiveFeed(() => {
      const reset: Line = { kind: "reset", canPredict: this.predict !== undefined };
      return ["retry: 1000\n\n", messageOf(reset), ...this.history.lines().map(messageOf)];
    });
  }

  get viewerCount(): number {
    return this.feed.viewerCount;
  }

  /** What went to pages, in all. */
  get sentBytes(): number {
    return this.feed.sentBytes;
  }

  add(line: Line): void {
    this.history.add(line);
    this.feed.add(messageOf(line));
  }

  /** From now on digits can be recognised. */
  offerPredictions(predict: Predict): void {
    this.predict = predict;
    this.feed.restart();
  }

  /** Lets the viewers go. */
  close(): void {
    this.predict = undefined;
    this.feed.close();
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    response.on("error", () => response.destroy());
    this.answer(request, response).catch(() => {
      if (!response.headersSent) plain(response, 500, "This should not happen; please report it.");
      response.destroy();
    });
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [pathname = "/"] = (request.url ?? "/").split("?");
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
    }
    if (!this.auth.isHostAllowed(request)) {
      plain(response, 421, "This name is not one of this machine's. Open the page at its address.");
      return;
    }
    switch (route) {
      case "POST /login":
        return this.login(request, response);
      case "GET /login.js":
        this.file(response, "login.js");
        return;
    }
    if (request.method !== "GET" && request.method !== "HEAD" && route !== "POST /predict") {
      plain(response, 405, "This page only reads.");
      return;
    }
    const admission = this.auth.admit(request);
    if (admission === "too-many-attempts") {
      tooMany(response);
      return;
    }
    if (admission !== "admitted") {
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
    if (this.feed.viewerCount >= MAX_VIEWERS) {
      plain(response, 503, "as many pages as can be");
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    this.feed.watch(response);
  }

  private async recognise(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { imageBytes = 0 } = this.options;
    const type = request.headers["content-type"];
    // Forms of foreign pages can send only other types.
    if (!isSameOrigin(request) || (type !== undefined && type !== PIXELS_TYPE)) {
      plain(response, 403, `only this page and programs may ask, with ${PIXELS_TYPE}`);
      return;
    }
    if (!this.predictions.take()) {
      tooMany(response);
      return;
    }
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
    if (!this.auth.mayTryLogin(request)) {
      tooMany(response);
      return;
    }
    const body = await bodyOf(request, MAX_TOKEN_BYTES);
    const given = new URLSearchParams(body?.toString() ?? "").get("token") ?? "";
    const cookie = this.auth.cookieFor(given, this.options.isSecure ?? false);
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

function tooMany(response: ServerResponse): void {
  response.setHeader("retry-after", "1");
  plain(response, 429, "too many requests; try again in a moment");
}

/** @returns undefined where there is more than `limit`; rejects where it does not come in time */
async function bodyOf(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  const timer = setTimeout(() => request.destroy(new Error("the body is too slow")), BODY_MS);
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.byteLength;
      if (length > limit) return undefined;
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks);
}
