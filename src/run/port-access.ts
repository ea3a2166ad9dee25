// Access to a coordinator's port: a token is required if other machines can reach it.
import { randomBytes } from "node:crypto";
import { isLoopback } from "../coordinator/workers/origin.js";
import { TandemError } from "../shared/errors.js";

/** Required if other machines can reach the port, and so try to guess the token. */
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
  if (host === "localhost" || isLoopback(host)) return;
  if (token !== undefined) requireLongToken(token, host);
  else if (!isInsecure) {
    throw new TandemError(
      "listen-refused",
      `--host ${host} can be reached from other machines, and without a token anyone there could join the run. Give --token-file FILE, or --insecure if that is what you want.`,
    );
  }
}

/** @param where where the token is from, for messages @throws TandemError `token-file` if it cannot be sent in a header */
export function checkToken(token: string, where: string): string {
  if (TOKEN.test(token)) return token;
  throw new TandemError(
    "token-file",
    `${where}: a token is one line of up to 1024 printable ASCII characters without spaces.`,
  );
}

/** @throws TandemError `token-file` if the token is too short for a port that other machines can reach */
export function requireLongToken(token: string, host: string): void {
  if (token.length >= MIN_TOKEN_LENGTH) return;
  throw new TandemError(
    "token-file",
    `--host ${host} can be reached from other machines, but the token has fewer than ${MIN_TOKEN_LENGTH} characters. Create a longer one, for example: openssl rand -hex 32 > token`,
  );
}

/** Creates a random token. */
export function createToken(): string {
  return randomBytes(32).toString("hex");
}
