// The HTTP endpoints of a relay's port: liveness, readiness and metrics.
import type { IncomingMessage, ServerResponse } from "node:http";
import { DashboardAuth } from "../coordinator/observe/dashboard/dashboard-auth.js";
import { sendText, sendTooMany } from "../coordinator/observe/dashboard/http.js";

export interface RelayPortOptions {
  token: string | undefined;
  /** True while workers are connected. */
  isReady: () => boolean;
  metrics: () => Promise<{ contentType: string; text: string }>;
}

export class RelayPort {
  /** For HTTP requests and for workers' WebSockets. */
  readonly auth: DashboardAuth;
  private readonly options: RelayPortOptions;

  constructor(options: RelayPortOptions) {
    this.options = options;
    this.auth = new DashboardAuth(options.token);
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    response.on("error", () => response.destroy());
    response.setHeader("cache-control", "no-store");
    response.setHeader("x-content-type-options", "nosniff");
    const [pathname = "/"] = (request.url ?? "/").split("?");
    if (request.method !== "GET" && request.method !== "HEAD") {
      sendText(response, 405, "This port is read-only.");
    } else if (pathname === "/healthz") {
      sendText(response, 200, "ok");
    } else if (pathname === "/readyz") {
      const isReady = this.options.isReady();
      sendText(response, isReady ? 200 : 503, isReady ? "ok" : "waiting for workers");
    } else if (pathname !== "/metrics") {
      sendText(response, 404, "This is a relay; the page is at its coordinator.");
    } else {
      this.answerMetrics(request, response);
    }
  }

  private answerMetrics(request: IncomingMessage, response: ServerResponse): void {
    if (!this.auth.isHostAllowed(request)) {
      sendText(response, 421, "This host name is not this machine's.");
      return;
    }
    switch (this.auth.admit(request)) {
      case "no-token":
        sendText(response, 401, "the token is missing or wrong");
        return;
      case "too-many-attempts":
        sendTooMany(response);
        return;
      case "admitted":
        this.options.metrics().then(
          ({ contentType, text }) =>
            response.writeHead(200, { "content-type": contentType }).end(text),
          () => response.destroy(),
        );
    }
  }
}
