// What coordinator and workers know each other by: the shared token, which is never printed, and TLS certificates.
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { checkToken } from "../run/port-access.js";
import { messageOf, TandemError } from "../shared/errors.js";
import { readSmallFile } from "./small-file.js";

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs;

/**
 * The token in the file, or else in TANDEM_TOKEN; undefined where there is neither. White space around it does not count.
 * @throws TandemError `token-file` if it cannot be read, is empty or cannot be sent in a header
 */
export function readToken(file: string | undefined): string | undefined {
  if (file === undefined) {
    const token = process.env["TANDEM_TOKEN"]?.trim();
    return token === undefined || token === "" ? undefined : checkToken(token, "TANDEM_TOKEN");
  }
  let text: string;
  try {
    text = readSmallFile(file).toString();
  } catch (error) {
    throw new TandemError(
      "token-file",
      `--token-file ${file} cannot be read (${messageOf(error)}). Create one, for example: openssl rand -hex 32 > ${file}`,
      { cause: error },
    );
  }
  if (text.trim() === "") {
    throw new TandemError(
      "token-file",
      `--token-file ${file} is empty. Put a secret in it, for example: openssl rand -hex 32 > ${file}`,
    );
  }
  return checkToken(text.trim(), `--token-file ${file}`);
}

/**
 * Certificate and key of a server that can serve with them.
 * @param warn called with a sentence where the certificate is not valid today
 * @throws TandemError `tls-files` if one cannot be read or is not PEM, or if they do not belong together
 */
export function readServerTls(
  certFile: string,
  keyFile: string,
  warn: (text: string) => void,
): { cert: Buffer; key: Buffer } {
  const cert = readPem("--tls-cert", certFile);
  const key = readPem("--tls-key", keyFile);
  const [certificate] = certificatesIn(cert, "--tls-cert", certFile, warn);
  if (!certificate?.checkPrivateKey(privateKey(key, keyFile))) {
    throw tlsError(
      `--tls-key ${keyFile} is not the key of the certificate in --tls-cert ${certFile}. Give a certificate and its own key.`,
    );
  }
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw tlsError(
      `--tls-cert ${certFile} cannot be used (${messageOf(error)}). Create a new certificate.`,
      error,
    );
  }
  return { cert, key };
}

/** @throws TandemError `usage`, `tls-files` */
export function readTls(options: {
  tlsCert?: string;
  tlsKey?: string;
}): { cert: Buffer; key: Buffer } | undefined {
  const { tlsCert, tlsKey } = options;
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new TandemError("usage", "--tls-cert and --tls-key only work together. Give both.");
  }
  return readServerTls(tlsCert, tlsKey, (text) => process.stderr.write(`${text}\n`));
}

/** @throws TandemError `tls-files` if the file cannot be read or contains no certificate */
export function readAuthorities(option: string, file: string): Buffer {
  const pem = readPem(option, file);
  certificatesIn(pem, option, file, (text) => process.stderr.write(`${text}\n`));
  return pem;
}

function certificatesIn(
  pem: Buffer,
  option: string,
  file: string,
  warn: (text: string) => void,
): X509Certificate[] {
  const blocks = pem.toString("latin1").match(PEM_CERTIFICATE) ?? [];
  if (blocks.length === 0) {
    throw tlsError(`${option} ${file} holds no certificate. Give a PEM file.`);
  }
  return blocks.map((block) => {
    let certificate: X509Certificate;
    try {
      certificate = new X509Certificate(block);
    } catch (error) {
      throw tlsError(
        `${option} ${file} holds a damaged certificate (${messageOf(error)}). Give a PEM file.`,
        error,
      );
    }
    if (Date.parse(certificate.validTo) < Date.now()) {
      warn(`${option} ${file}: the certificate expired on ${certificate.validTo}`);
    }
    return certificate;
  });
}

function privateKey(pem: Buffer, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    // Both forms say so in the clear: "BEGIN ENCRYPTED PRIVATE KEY" (PKCS 8), "Proc-Type: 4,ENCRYPTED" (RFC 1421).
    if (pem.includes("ENCRYPTED")) {
      throw tlsError(
        `--tls-key ${file} is encrypted. Decrypt it, for example: openssl pkey -in ${file} -out key.pem`,
        error,
      );
    }
    throw tlsError(`--tls-key ${file} holds no private key. Give a PEM file.`, error);
  }
}

function readPem(option: string, file: string): Buffer {
  try {
    return readSmallFile(file);
  } catch (error) {
    throw tlsError(
      `${option} ${file} cannot be read (${messageOf(error)}). Give a PEM file.`,
      error,
    );
  }
}

function tlsError(sentence: string, cause?: unknown): TandemError {
  return new TandemError("tls-files", sentence, { cause });
}
