// Who may reach a coordinator's port: a token where other machines can, and TLS files that were made for each other.
import { randomBytes } from "node:crypto";
import { isIP } from "node:net";
import { TandemError } from "../shared/errors.js";

/** Beyond this machine a token can be guessed at from anywhere. */
const MIN_TOKEN_LENGTH = 16;
const TOKEN = /^[\x21-\x7e]{1,1024}$/;

export interface PortAccess {
  host: string;
  token: string | undefined;
  /** Listen beyond this machine without a token. */
  isInsecure: boolean;
}

/** @throws TandemError `listen-refused`, `token-file` */
export function checkPortAccess({ host, token, isInsecure }: PortAccess): void {
  if (isLoopback(host)) return;
  if (token !== undefined) requireLongToken(token, host);
  else if (!isInsecure) {
    throw new TandemError(
      "listen-refused",
      `--host ${host} can be reached from other machines, and without a token anyone there could join the run. Give --token-file FILE, or --insecure if that is what you want.`,
    );
  }
}

/** @param where it is from, for messages @throws TandemError `token-file` where it cannot go into a header */
export function checkToken(token: string, where: string): string {
  if (TOKEN.test(token)) return token;
  throw new TandemError(
    "token-file",
    `${where}: a token is one line of up to 1024 printable ASCII characters without spaces.`,
  );
}

/** @throws TandemError `token-file` where the token is too short for a coordinator that other machines can reach */
export function requireLongToken(token: string, host: string): void {
  if (token.length >= MIN_TOKEN_LENGTH) return;
  throw new TandemError(
    "token-file",
    `--host ${host} can be reached from other machines, but the token has fewer than ${MIN_TOKEN_LENGTH} characters. Create a longer one, for example: openssl rand -hex 32 > token`,
  );
}

/** A secret that nobody has to remember. */
export function makeToken(): string {
  return randomBytes(32).toString("hex");
}

function isLoopback(host: string): boolean {
  if (host === "localhost" || host === "::1") return true;
  return isIP(host) === 4 && host.startsWith("127.");
}
