// The image's HEALTHCHECK. A coordinator is healthy if its port answers; any other command, such as a worker, has no port and is
// healthy while it runs. The arguments of process 1 say which it is, and the port is --port, TANDEM_PORT, or 7711.
import { readFileSync } from "node:fs";
import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";

const TIMEOUT_MS = 4_000;

const args = readFileSync("/proc/1/cmdline", "utf8").split("\0");
if (!args.includes("coordinator")) process.exit(0);

/** @param {string} name such as `--port` */
function option(name) {
  const at = args.findIndex((arg) => arg === name || arg.startsWith(`${name}=`));
  const inArgs = args[at]?.includes("=") ? args[at].slice(name.length + 1) : args[at + 1];
  const variable = `TANDEM_${name.slice(2).toUpperCase().replaceAll("-", "_")}`;
  return at === -1 ? process.env[variable] : inArgs;
}

const hasTls = option("--tls-cert") !== undefined;
const path = `127.0.0.1:${option("--port") ?? 7711}/healthz`;
const request = hasTls
  ? // Its certificate is for other names than the loopback address.
    getHttps(`https://${path}`, { rejectUnauthorized: false, timeout: TIMEOUT_MS })
  : getHttp(`http://${path}`, { timeout: TIMEOUT_MS });
request.on("response", ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1));
request.on("timeout", () => process.exit(1));
request.on("error", () => process.exit(1));
