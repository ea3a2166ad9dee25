// What coordinator and workers know each other by: the shared token, which is never printed, and TLS certificates.
import { readFileSync } from "node:fs";
import { messageOf, TandemError } from "../shared/errors.js";

/**
 * The token in the file, or else in TANDEM_TOKEN; undefined where there is neither. White space around it does not count.
 * @throws TandemError `token-file` where it cannot be read, is empty or cannot go into a header
 */
export function readToken(file: string | undefined): string | undefined {
  if (file === undefined) {
    const token = process.env["TANDEM_TOKEN"]?.trim();
    return token === undefined || token === "" ? undefined : checked(token, "TANDEM_TOKEN");
  }
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new TandemError(
      "token-file",
      `--token-file ${file} cannot be read (${messageOf(error)}). Make one, for example: openssl rand -hex 32 > ${file}`,
      { cause: error },
    );
  }
  if (text.trim() === "") {
    throw new TandemError(
      "token-file",
      `--token-file ${file} is empty. Put a secret in it, for example: openssl rand -hex 32 > ${file}`,
    );
  }
  return checked(text.trim(), `--token-file ${file}`);
}

function checked(token: string, where: string): string {
  if (/^[\x21-\x7e]{1,1024}$/.test(token)) return token;
  throw new TandemError(
    "token-file",
    `${where}: a token is one line of up to 1024 printable ASCII characters without spaces.`,
  );
}

/** @throws TandemError `tls-files` where the file cannot be read */
export function readPem(option: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new TandemError(
      "tls-files",
      `${option} ${file} cannot be read (${messageOf(error)}). Give a PEM file.`,
      { cause: error },
    );
  }
}
