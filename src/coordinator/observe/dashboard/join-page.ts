// The page /join, where a browser becomes a worker of the run: its files, and a feed of what it shows of the run. The feed has
// fewer updates than the dashboard's because thirty phones may read it. The files are the same in every run and say nothing
// about it, so they are public. The feed and the run's addresses require the token.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { RunEvent } from "../../../shared/run-event.js";
import { History } from "./history.js";
import { encodeUpdate, sendFile, sendJson, sendText } from "./http.js";
import type { JoinAddresses } from "./join-addresses.js";
import { LiveFeed } from "./live-feed.js";
import type { PageUpdate } from "./page-update.js";

/** Tabs that show the run. More tabs can still compute. */
const MAX_VIEWERS = 256;
/** Enough for a curve on a phone. */
const HISTORY = { maxSteps: 1_000, scale: 1 / 16 };

/**
 * Allows only the page's own files and connections to its own origin, and compiling WebAssembly, which no other page needs. The
 * Web Worker's script is sent with the same policy, which then applies to it (Content Security Policy Level 3, section 4.2.2).
 */
export const JOIN_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const FILES: Record<string, string | undefined> = {
  "GET /join": "join.html",
  "GET /join.js": "join.js",
  "GET /join.css": "join.css",
  "GET /join-worker.js": "join-worker.js",
  "GET /kernels.wasm": "kernels.wasm",
};

type Listening = RunEvent & { event: "listening" };

export class JoinPage {
  private readonly history = new History(HISTORY);
  private readonly feed: LiveFeed;
  private addresses: JoinAddresses = { urls: [], needsToken: false };

  constructor() {
    this.feed = new LiveFeed(() => {
      const reset: PageUpdate = { kind: "reset", canPredict: false };
      return ["retry: 1000\n\n", encodeUpdate(reset), ...this.history.updates().map(encodeUpdate)];
    });
  }

  get viewerCount(): number {
    return this.feed.viewerCount;
  }

  /** Bytes sent to all tabs. */
  get sentBytes(): number {
    return this.feed.sentBytes;
  }

  /** @param encoded the same as a server-sent event */
  add(update: PageUpdate, encoded: string): void {
    if (!isShown(update)) return;
    this.history.add(update);
    this.feed.add(encoded);
  }

  noteListening({ urls, needsToken }: Listening): void {
    this.addresses = { urls, needsToken };
  }

  /** Ends the tabs' streams. */
  close(): void {
    this.feed.close();
  }

  /** @returns false if the route is not one of the page's files */
  answerAnyone(response: ServerResponse, route: string): boolean {
    const name = FILES[route];
    if (name === undefined) return false;
    response.setHeader("content-security-policy", JOIN_POLICY);
    sendFile(response, name);
    return true;
  }

  /** @returns false if the route is not one of this page's */
  answerAdmitted(request: IncomingMessage, response: ServerResponse, route: string): boolean {
    switch (route) {
      case "GET /join/live":
        this.watch(request, response);
        return true;
      case "GET /join/addresses":
        sendJson(response, this.addresses);
        return true;
      default:
        return false;
    }
  }

  private watch(request: IncomingMessage, response: ServerResponse): void {
    if (this.feed.viewerCount >= MAX_VIEWERS) {
      sendText(response, 503, `${MAX_VIEWERS} pages show the run, which is the limit`);
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    if (request.method === "HEAD") response.end();
    else this.feed.watch(response);
  }
}

function isShown(update: PageUpdate): boolean {
  if (update.kind === "mark") return update.what === "waiting";
  return update.kind === "start" || update.kind === "steps" || update.kind === "end";
}
