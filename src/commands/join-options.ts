// Options of the commands that join a run, as a worker or as a relay: where it is, and how they show that they may.
import { hostname } from "node:os";
import { type Command, Option } from "commander";
import { TandemError } from "../shared/errors.js";
import { MAX_NAME_LENGTH } from "../shared/protocol/messages.js";
import { sanitizeText } from "../shared/text.js";
import type { NodeWorkerOptions } from "../worker/node-worker.js";
import { type Address, Route } from "../worker/route.js";
import type { WorkerEvent } from "../worker/worker.js";
import { readAuthorities, readToken } from "./credentials.js";
import { addJsonOption, seconds } from "./options.js";

export interface JoinOptions {
  name?: string;
  tokenFile?: string;
  tlsCa?: string;
  via?: string;
  retryFor: number;
  json?: boolean;
}

/** @param what joins, for the help */
export function addJoinOptions(command: Command, what: "worker" | "relay"): Command {
  command
    .argument("<url>", "the coordinator's address, such as ws://192.0.2.1:7711")
    .option("--name <name>", `this ${what}'s name (default: host name and process id)`)
    .option(
      "--via <urls>",
      "comma-separated relays to try, in order, before the coordinator itself",
    )
    .option("--token-file <file>", "file with the coordinator's token (or set TANDEM_TOKEN)")
    .option("--tls-ca <file>", "certificates to trust besides the system's (PEM)")
    .addOption(
      new Option("--retry-for <seconds>", "how long to retry while the coordinator is unreachable")
        .argParser(seconds)
        .default(60_000, "60"),
    );
  return addJsonOption(command);
}

/** @throws TandemError `usage`, `token-file`, `tls-files` */
export function joinRequest(url: string, options: JoinOptions): NodeWorkerOptions {
  const token = readToken(options.tokenFile);
  const ca = options.tlsCa === undefined ? undefined : readAuthorities("--tls-ca", options.tlsCa);
  const relays = (options.via?.split(",") ?? []).map((each) => addressOf(each.trim()));
  return {
    route: new Route(addressOf(url), relays),
    name: (options.name ?? `${hostname()}-${process.pid}`).slice(0, MAX_NAME_LENGTH),
    retryForMs: options.retryFor,
    ...(token === undefined ? {} : { token }),
    ...(ca === undefined ? {} : { ca }),
  };
}

/** @throws TandemError `usage`, which does not repeat what may be a secret */
function addressOf(text: string): Address {
  const withScheme = /^[a-z]+:\/\//i.test(text) ? text : `ws://${text}`;
  const asSocket = withScheme.replace(/^http(s?):/i, "ws$1:");
  if (URL.canParse(asSocket)) {
    const url = new URL(asSocket);
    if (url.username !== "" || url.password !== "") {
      throw new TandemError(
        "usage",
        "The coordinator's address contains a user name or password, which other users of this machine can see. Give the token with --token-file or TANDEM_TOKEN.",
      );
    }
    const isSocket = url.protocol === "ws:" || url.protocol === "wss:";
    if (isSocket && url.hostname !== "" && url.hash === "") {
      const { href } = url;
      url.search = "";
      return { url: href, shownUrl: url.href };
    }
  }
  const shown = sanitizeText(text.replace(/[?#].*$/s, "").replace(/^.*@/s, ""), 200);
  throw new TandemError(
    "usage",
    `${shown} is not a coordinator's address. Give one such as ws://192.0.2.1:7711; the coordinator prints it.`,
  );
}

/** To people and, with `--json`, to programs. */
export function reportEvent(event: WorkerEvent, json = false): void {
  if (json) process.stdout.write(`${JSON.stringify(event)}\n`);
  process.stderr.write(`${sentence(event)}\n`);
}

function sentence(event: WorkerEvent): string {
  switch (event.event) {
    case "connected":
      return `connected to ${event.url} as ${event.name}`;
    case "waiting":
      return `no coordinator (${event.reason}); retrying for ${event.deadlineSeconds} s`;
    case "ended":
      return `the run has ended: ${event.reason}`;
  }
}
