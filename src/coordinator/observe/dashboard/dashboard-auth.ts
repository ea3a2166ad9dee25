// Who may read the page. Where the run has a token, the page asks for it once and gets a cookie derived from it; programs send
// the token itself. Where it has none, only pages of this machine's own names may (DNS rebinding: a foreign page whose name
// was made to point here would otherwise read everything).
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { KeyedBuckets, TokenBucket } from "./token-bucket.js";
import { isLoopback } from "../../workers/origin.js";

export type Admission = "admitted" | "no-token" | "too-many-attempts";

export class DashboardAuth {
  private readonly token: string | undefined;
  private readonly secret = randomBytes(32);
  /** Of wrong tokens and cookies: an old page that tries again each few seconds stays below it, a guesser does not. */
  private readonly wrong = new KeyedBuckets(() => new TokenBucket(30, 3));
  private readonly logins = new KeyedBuckets(() => new TokenBucket(5, 0.5));
  private readonly allLogins = new TokenBucket(50, 5);

  constructor(token: string | undefined) {
    this.token = token;
  }

  admit(request: IncomingMessage): Admission {
    if (this.token === undefined) return "admitted";
    const { authorization, cookie = "" } = request.headers;
    const own = /(?:^|;\s*)tandem=([0-9a-f]+)/.exec(cookie)?.[1];
    if (authorization === undefined && own === undefined) return "no-token";
    const isRight =
      this.isSame(authorization ?? "", `Bearer ${this.token}`) ||
      this.isSame(own ?? "", passOf(this.token));
    if (isRight) return "admitted";
    return this.wrong.take(addressOf(request)) ? "no-token" : "too-many-attempts";
  }

  /** To be asked before each login is looked at. */
  mayTryLogin(request: IncomingMessage): boolean {
    return this.logins.take(addressOf(request)) && this.allLogins.take();
  }

  /** @returns the cookie for whoever gives the right token */
  cookieFor(given: string, isSecure: boolean): string | undefined {
    if (this.token !== undefined && !this.isSame(given, this.token)) return undefined;
    const secure = isSecure ? "; Secure" : "";
    return `tandem=${passOf(this.token ?? "")}; HttpOnly; SameSite=Strict; Path=/${secure}`;
  }

  /** False for names that a foreign page may have been given, where no token guards the port. */
  isHostAllowed(request: IncomingMessage): boolean {
    const { host } = request.headers;
    if (this.token !== undefined || host === undefined) return true;
    const name = host.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
    const address = withoutBrackets(name);
    if (name === "localhost" || name.endsWith(".localhost") || isLoopback(address)) return true;
    if (isLoopback(request.socket.localAddress ?? "")) return false;
    return isIP(address) !== 0 || name === hostname().toLowerCase();
  }

  /** In constant time, whatever the lengths. */
  private isSame(one: string, other: string): boolean {
    const digest = (text: string) => createHmac("sha256", this.secret).update(text).digest();
    return timingSafeEqual(digest(one), digest(other));
  }
}

/** False where a page of another origin sent it. Programs send no Origin. */
export function isSameOrigin({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") return false;
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

/** The same for each process with this token, so that a page comes back by itself after the coordinator was restarted. */
function passOf(token: string): string {
  return createHmac("sha256", token).update("tandem page").digest("hex");
}

function addressOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? "unknown";
}

function withoutBrackets(name: string): string {
  return name.replace(/^\[(.*)\]$/, "$1");
}
