// Who may look, where the run has a token: the page asks for it once and gets a cookie that this process alone can check;
// programs send the token itself.
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

export class Gate {
  private readonly token: string | undefined;
  private readonly secret = randomBytes(32);

  constructor(token: string | undefined) {
    this.token = token;
  }

  mayRead({ headers }: IncomingMessage): boolean {
    const { authorization = "", cookie = "" } = headers;
    if (this.token === undefined || this.isSame(authorization, `Bearer ${this.token}`)) return true;
    const own = /(?:^|;\s*)tandem=([0-9a-f]+)/.exec(cookie)?.[1] ?? "";
    return this.isSame(own, this.pass());
  }

  /** @returns the cookie for who gives the right token */
  cookieFor(given: string, isSecure: boolean): string | undefined {
    if (this.token !== undefined && !this.isSame(given, this.token)) return undefined;
    const secure = isSecure ? "; Secure" : "";
    return `tandem=${this.pass()}; HttpOnly; SameSite=Strict; Path=/${secure}`;
  }

  private pass(): string {
    return this.digest("viewer").toString("hex");
  }

  /** In constant time, whatever the lengths. */
  private isSame(one: string, other: string): boolean {
    return timingSafeEqual(this.digest(one), this.digest(other));
  }

  private digest(text: string): Buffer {
    return createHmac("sha256", this.secret).update(text).digest();
  }
}
