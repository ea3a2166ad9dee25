// Decides who may open a WebSocket to become a worker: a program with the token, or the coordinator's own page with the cookie
// from its login. The same-origin policy does not cover WebSockets, so any page on the web could open one from a visitor's
// browser (cross-site WebSocket hijacking); browsers send the page's origin in the Origin header (RFC 6455, section 10.2).
import type { IncomingMessage } from "node:http";
import type { DashboardAuth } from "../observe/dashboard/dashboard-auth.js";

/** The HTTP response sent instead of the upgrade. */
export interface UpgradeRefusal {
  status: string;
  reason: string;
}

/** @returns why the request is refused; undefined if it may open a WebSocket */
export function refuseUpgrade(
  request: IncomingMessage,
  auth: Pick<DashboardAuth, "admit" | "isHostAllowed">,
): UpgradeRefusal | undefined {
  const { origin, host } = request.headers;
  if (origin !== undefined) {
    if (!isOriginOf(origin, host)) {
      return { status: "403 Forbidden", reason: "a page of another origin may not be a worker" };
    }
    // DNS rebinding: an attacker's host name that resolves to this machine has the same origin as the attacker's page.
    if (!auth.isHostAllowed(request)) {
      return { status: "421 Misdirected Request", reason: "this host name is not this machine's" };
    }
  }
  switch (auth.admit(request)) {
    case "admitted":
      return undefined;
    case "no-token":
      return { status: "401 Unauthorized", reason: "the token is missing or wrong" };
    case "too-many-attempts":
      return { status: "429 Too Many Requests", reason: "too many wrong tokens; retry later" };
  }
}

/** Only `http` and `https` pages have a host; the origin of files and sandboxed frames is `null`. */
function isOriginOf(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
