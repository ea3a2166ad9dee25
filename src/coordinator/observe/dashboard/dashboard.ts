// The page on the coordinator's port: its files, the page updates as server-sent events, and predictions for samples. Read-only.
// Every request is answered in bounded time and memory.
import type { IncomingMessage, ServerResponse } from "node:http";
import { forComparison } from "./comparison.js";
import { DashboardAuth, isSameOrigin } from "./dashboard-auth.js";
import { History } from "./history.js";
import { encodeUpdate, readBody, sendFile, sendJson, sendText, sendTooMany } from "./http.js";
import { JoinPage } from "./join-page.js";
import { LiveFeed } from "./live-feed.js";
import type { ShownRun } from "./page-files.js";
import type { PageUpdate } from "./page-update.js";
import { TokenBucket } from "./token-bucket.js";

const MAX_VIEWERS = 64;
const MAX_TOKEN_BYTES = 4096;
const SAMPLE_TYPE = "application/octet-stream";
/** Each prediction costs the training a forward pass of one sample. */
const PREDICTION_RATE = { burst: 20, perSecond: 10 };

export interface DashboardOptions {
  token?: string;
  /** The port speaks TLS: cookies are sent over TLS only. */
  isSecure?: boolean;
  /** Finished runs, shown instead of one in progress. */
  runs?: readonly ShownRun[];
  metrics?: () => Promise<{ contentType: string; text: string }>;
  /** False while the run waits for workers. */
  isReady?: () => boolean;
}

/** Predicts single samples with the run's current weights. */
export interface Predictor {
  /** Size of one sample. */
  byteLength: number;
  predict(sample: Uint8Array): Prediction;
}

export interface Prediction {
  /** How many steps the weights were trained for. */
  step: number;
  /** By class. If the targets are values, `outputs` instead. */
  probabilities?: number[];
  outputs?: number[];
}

export class Dashboard {
  private readonly options: DashboardOptions;
  private readonly history = new History();
  /** The page where browsers join the run. */
  readonly join = new JoinPage();
  private readonly feed: LiveFeed;
  /** For requests and for the workers' WebSockets. */
  readonly auth: DashboardAuth;
  private readonly predictions = new TokenBucket(PREDICTION_RATE);
  private predictor: Predictor | undefined;

  constructor(options: DashboardOptions) {
    this.options = options;
    this.auth = new DashboardAuth(options.token);
    this.feed = new LiveFeed(() => {
      const reset: PageUpdate = { kind: "reset", canPredict: this.predictor !== undefined };
      return ["retry: 1000\n\n", encodeUpdate(reset), ...this.history.updates().map(encodeUpdate)];
    });
  }

  get viewerCount(): number {
    return this.feed.viewerCount + this.join.viewerCount;
  }

  /** Bytes sent to all pages. */
  get sentBytes(): number {
    return this.feed.sentBytes + this.join.sentBytes;
  }

  add(update: PageUpdate): void {
    this.history.add(update);
    const encoded = encodeUpdate(update);
    this.feed.add(encoded);
    this.join.add(update, encoded);
  }

  offerPredictions(predictor: Predictor): void {
    this.predictor = predictor;
    this.feed.restart();
  }

  /** Ends the viewers' streams. */
  close(): void {
    this.predictor = undefined;
    this.feed.close();
    this.join.close();
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    response.on("error", () => response.destroy());
    this.answer(request, response).catch(() => {
      if (!response.headersSent) {
        sendText(response, 500, "This should not happen; please report it.");
      }
      response.destroy();
    });
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [pathname = "/", query = ""] = (request.url ?? "/").split("?");
    const route = `${request.method === "HEAD" ? "GET" : (request.method ?? "")} ${pathname}`;
    setSecurityHeaders(response);
    if (route === "GET /healthz") {
      sendText(response, 200, "ok");
    } else if (route === "GET /readyz") {
      const isReady = this.options.isReady?.() ?? true;
      sendText(response, isReady ? 200 : 503, isReady ? "ok" : "waiting for workers");
    } else if (!this.auth.isHostAllowed(request)) {
      sendText(
        response,
        421,
        "This host name is not this machine's. Open the page by the machine's address.",
      );
    } else if (route === "POST /login") {
      await this.logIn(request, response);
    } else if (route === "GET /login.js") {
      sendFile(response, "login.js");
    } else if (!route.startsWith("GET ") && route !== "POST /predict") {
      sendText(response, 405, "This page is read-only.");
    } else if (this.options.runs === undefined && this.join.answerAnyone(response, route)) {
      return;
    } else if (this.isAdmitted(request, response, route)) {
      await this.answerAdmitted(request, response, route, query);
    }
  }

  /** @returns whether the request is admitted; if not, it has been answered */
  private isAdmitted(request: IncomingMessage, response: ServerResponse, route: string): boolean {
    const admission = this.auth.admit(request);
    if (admission === "admitted") return true;
    if (admission === "too-many-attempts") sendTooMany(response);
    else if (route === "GET /") sendFile(response, "login.html", 401);
    else sendText(response, 401, "the token is missing or wrong");
    return false;
  }

  private async answerAdmitted(
    request: IncomingMessage,
    response: ServerResponse,
    route: string,
    query: string,
  ): Promise<void> {
    const { runs } = this.options;
    const file = fileFor(route, runs?.length ?? 0);
    if (file !== undefined) {
      sendFile(response, file);
      return;
    }
    switch (route) {
      case "GET /runs":
        // The query is the index of one of several runs.
        if (runs) sendJson(response, query === "" ? runs : runs.slice(Number(query)).slice(0, 1));
        else response.writeHead(204).end();
        return;
      case "GET /comparison":
        if (runs) sendJson(response, runs.map(forComparison));
        else sendText(response, 404, "a run in progress cannot be compared");
        return;
      case "GET /live":
        this.watch(request, response);
        return;
      case "POST /predict":
        await this.predict(request, response);
        return;
      case "GET /metrics": {
        const metrics = await this.options.metrics?.();
        if (metrics) {
          response.writeHead(200, { "content-type": metrics.contentType }).end(metrics.text);
        } else {
          sendText(response, 404, "a finished run has no metrics");
        }
        return;
      }
      default:
        if (this.join.answerAdmitted(request, response, route)) return;
        sendText(response, 404, "not found; the page is at /");
    }
  }

  private watch(request: IncomingMessage, response: ServerResponse): void {
    if (this.feed.viewerCount >= MAX_VIEWERS) {
      sendText(response, 503, `${MAX_VIEWERS} pages are open, which is the limit`);
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    if (request.method === "HEAD") response.end();
    else this.feed.watch(response);
  }

  private async predict(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const type = request.headers["content-type"];
    // Forms on pages of other origins cannot send this type.
    if (!isSameOrigin(request) || (type !== undefined && type !== SAMPLE_TYPE)) {
      sendText(response, 403, `only this page and programs may ask, with ${SAMPLE_TYPE}`);
      return;
    }
    if (!this.predictions.take()) {
      sendTooMany(response);
      return;
    }
    const { predictor } = this;
    if (!predictor) {
      sendText(response, 503, "no weights yet");
      return;
    }
    const sample = await readBody(request, predictor.byteLength);
    if (sample?.byteLength !== predictor.byteLength) {
      sendText(response, 400, `expected ${predictor.byteLength} bytes`);
    } else if (this.predictor !== predictor) {
      sendText(response, 503, "the run has ended");
    } else {
      sendJson(response, predictor.predict(sample));
    }
  }

  private async logIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.auth.mayTryLogin(request)) {
      sendTooMany(response);
      return;
    }
    const body = await readBody(request, MAX_TOKEN_BYTES);
    const token = new URLSearchParams(body?.toString() ?? "").get("token") ?? "";
    const cookie = this.auth.cookieFor(token, this.options.isSecure ?? false);
    if (cookie === undefined) {
      sendFile(response, "login.html", 401);
      return;
    }
    response.writeHead(303, { location: "/", "set-cookie": cookie }).end();
  }
}

/** The page of a run or, if there are several, the page that compares them. */
function fileFor(route: string, runCount: number): string | undefined {
  if (route === "GET /") return runCount > 1 ? "compare.html" : "index.html";
  if (runCount > 1) {
    if (route === "GET /run") return "index.html";
    if (route === "GET /compare.js" || route === "GET /compare.css") return route.slice(5);
  }
  return route === "GET /page.js" || route === "GET /page.css" ? route.slice(5) : undefined;
}

function setSecurityHeaders(response: ServerResponse): void {
  response.setHeader("cache-control", "no-store");
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("referrer-policy", "no-referrer");
  // The page loads nothing from other hosts.
  response.setHeader(
    "content-security-policy",
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
  );
}
