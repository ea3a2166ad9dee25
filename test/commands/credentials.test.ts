// Tokens and PEM files that cannot be used: one sentence that names the option, before anything listens.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readAuthorities, readServerTls, readToken } from "../../src/commands/credentials.js";
import { requireLongToken } from "../../src/run/port-access.js";
import { temporaryFolder } from "../support/data.js";
import { tandem } from "../support/tandem.js";

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);
const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "ignore" });
const warnings: string[] = [];
const read = (cert: string, key: string) =>
  readServerTls(file(cert), file(key), (text) => warnings.push(text));

beforeAll(() => {
  for (const name of ["a", "b"]) {
    const outputs = ["-nodes", "-keyout", file(`${name}.key`), "-out", file(`${name}.crt`)];
    openssl("req", "-x509", "-newkey", "rsa:2048", ...outputs, "-subj", "/CN=localhost");
  }
  const encrypt = ["-aes256", "-passout", "pass:secret", "-out", file("locked.key")];
  openssl("pkey", "-in", file("a.key"), ...encrypt);
  const dates = ["-days", "-1", "-signkey", file("a.key"), "-out", file("old.crt")];
  openssl("x509", "-in", file("a.crt"), ...dates);
  writeFileSync(file("nonsense"), "nonsense\n");
  writeFileSync(
    file("damaged.crt"),
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
  );
});

test("certificate and key that belong together are accepted", () => {
  expect(read("a.crt", "a.key").cert.byteLength).toBeGreaterThan(500);
  expect(warnings).toEqual([]);
});

describe("refused with a sentence", () => {
  test.each([
    ["nonsense", "a.key", /--tls-cert .*nonsense holds no certificate/],
    ["damaged.crt", "a.key", /--tls-cert .* holds a damaged certificate/],
    ["a.crt", "nonsense", /--tls-key .*nonsense holds no private key/],
    ["a.crt", "b.key", /--tls-key .* is not the key of the certificate/],
    ["a.crt", "locked.key", /--tls-key .* is encrypted/],
    ["nothing", "a.key", /--tls-cert .* cannot be read/],
  ])("%s with %s", (cert, key, sentence) => {
    expect(() => read(cert, key)).toThrow(sentence);
  });

  test("a file that never ends", () => {
    expect(() => readAuthorities("--tls-ca", "/dev/zero")).toThrow(/--tls-ca .* is too large/);
    expect(() => readToken("/dev/zero")).toThrow(/--token-file .* is too large/);
  });

  test("authorities that are none", () => {
    expect(() => readAuthorities("--tls-ca", file("nonsense"))).toThrow(/--tls-ca .* holds no/);
  });
});

test("a certificate that has expired is a warning", () => {
  read("old.crt", "a.key");
  expect(warnings.splice(0)).toEqual([expect.stringContaining("expired")]);
});

test("a bad PEM file is exit 2 and one line, not a stack trace", async () => {
  const tls = ["--tls-cert", file("nonsense"), "--tls-key", file("nonsense")];
  const coordinator = await tandem(["coordinator", "--port", "0", ...tls]);
  const worker = await tandem(["worker", "wss://127.0.0.1:1", "--tls-ca", file("nonsense")]);
  for (const { code, stderr } of [coordinator, worker]) {
    expect(code).toBe(2);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  }
});

test("a token of one character is not accepted beyond this machine", async () => {
  expect(() => requireLongToken("0123456789abcdef", "0.0.0.0")).not.toThrow();
  const env = { TANDEM_TOKEN: "x" };
  const { code, stderr } = await tandem(["coordinator", "--host", "0.0.0.0"], { env });
  expect(code).toBe(2);
  expect(stderr).toContain("openssl rand -hex 32");
});
