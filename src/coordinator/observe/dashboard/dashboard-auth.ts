// Who may read the page. If the run has a token, the page asks for it once and receives a cookie derived from it; programs send
// the token itself. Without a token, the host name of a request must be this machine's. Otherwise a page of another site could
// read everything by making its own host name resolve to this machine (DNS rebinding).
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { isLoopback } from "../../workers/origin.js";
import { KeyedBuckets, TokenBucket } from "./token-bucket.js";

export type Admission = "admitted" | "no-token" | "too-many-attempts";

export class DashboardAuth {
  private readonly token: string | undefined;
  private readonly secret = randomBytes(32);
  /** Limits wrong tokens and cookies: an old page that retries every few seconds stays below it, someone who guesses does not. */
  private readonly rejections = new KeyedBuckets({ burst: 30, perSecond: 3 });
  private readonly logins = new KeyedBuckets({ burst: 5, perSecond: 0.5 });
  private readonly allLogins = new TokenBucket({ burst: 50, perSecond: 5 });

  constructor(token: string | undefined) {
    this.token = token;
  }

  admit(request: IncomingMessage): Admission {
    if (this.token === undefined) return "admitted";
    const { authorization, cookie = "" } = request.headers;
    const ownCookie = /(?:^|;\s*)tandem=([0-9a-f]+)/.exec(cookie)?.[1];
    if (authorization === undefined && ownCookie === undefined) return "no-token";
    const isRight =
      this.isSame(authorization ?? "", `Bearer ${this.token}`) ||
      this.isSame(ownCookie ?? "", cookieValue(this.token));
    if (isRight) return "admitted";
    return this.rejections.take(addressOf(request)) ? "no-token" : "too-many-attempts";
  }

  /** Counts a login attempt. To be called before the token is checked. */
  mayTryLogin(request: IncomingMessage): boolean {
    return this.logins.take(addressOf(request)) && this.allLogins.take();
  }

  /** @returns the cookie; undefined if the token is wrong */
  cookieFor(given: string, isSecure: boolean): string | undefined {
    if (this.token !== undefined && !this.isSame(given, this.token)) return undefined;
    const secure = isSecure ? "; Secure" : "";
    return `tandem=${cookieValue(this.token ?? "")}; HttpOnly; SameSite=Strict; Path=/${secure}`;
  }

  /** False for host names that are not this machine's, unless a token protects the port. */
  isHostAllowed(request: IncomingMessage): boolean {
    const { host } = request.headers;
    if (this.token !== undefined || host === undefined) return true;
    const name = host.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
    const address = withoutBrackets(name);
    if (name === "localhost" || name.endsWith(".localhost") || isLoopback(address)) return true;
    if (isLoopback(request.socket.localAddress ?? "")) return false;
    return isIP(address) !== 0 || name === hostname().toLowerCase();
  }

  /** Takes the same time whatever the texts, except for their lengths. */
  private isSame(one: string, other: string): boolean {
    const digest = (text: string) => createHmac("sha256", this.secret).update(text).digest();
    return timingSafeEqual(digest(one), digest(other));
  }
}

/** False if a page of another origin sent it. Programs send no Origin header. */
export function isSameOrigin({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") return false;
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

/** The same in every process with this token, so that a page can reconnect after the coordinator was restarted. */
function cookieValue(token: string): string {
  return createHmac("sha256", token).update("tandem page").digest("hex");
}

function addressOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? "unknown";
}

function withoutBrackets(name: string): string {
  return name.replace(/^\[(.*)\]$/, "$1");
}
