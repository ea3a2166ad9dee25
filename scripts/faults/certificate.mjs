// Creates a self-signed certificate for the given addresses. Needs openssl.
import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** @param {string} folder @param {readonly string[]} addresses @returns {{cert: string, key: string}} paths */
export function makeCertificate(folder, addresses) {
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const names = addresses.map((address) => `IP:${address}`).join(",");
  const subject = ["-subj", "/CN=tandem-test", "-addext", `subjectAltName=${names}`];
  const outputs = ["-keyout", key, "-out", cert, "-days", "2", "-nodes"];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...outputs, ...subject], {
    stdio: "ignore",
  });
  return { cert, key };
}
