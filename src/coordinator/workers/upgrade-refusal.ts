// Who may open a WebSocket to become a worker: a program with the token, or a page of this coordinator's own with the cookie
// that its login gave. A WebSocket is not held back by the same-origin policy, so any page on the web could open one from a
// visitor's browser (cross-site WebSocket hijacking); browsers say in Origin which page it was (RFC 6455, section 10.2).
import type { IncomingMessage } from "node:http";
import type { DashboardAuth } from "../observe/dashboard/dashboard-auth.js";

/** An answer of HTTP in the place of the upgrade. */
export interface UpgradeRefusal {
  status: string;
  reason: string;
}

/** @returns why the request may not become a worker; undefined where it may */
export function refuseUpgrade(
  request: IncomingMessage,
  auth: Pick<DashboardAuth, "admit" | "isHostAllowed">,
): UpgradeRefusal | undefined {
  const { origin, host } = request.headers;
  if (origin !== undefined) {
    if (!isOriginOf(origin, host)) {
      return { status: "403 Forbidden", reason: "a page of another origin may not be a worker" };
    }
    // A name that was made to mean this machine (DNS rebinding) is of the same origin as its page.
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

/** Only `http` and `https` pages have a host; of files and sandboxed frames the origin is `null`. */
function isOriginOf(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
