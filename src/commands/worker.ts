import { hostname } from "node:os";
import { type Command, Option } from "commander";
import { TandemError } from "../shared/errors.js";
import { MAX_NAME_LENGTH } from "../shared/protocol/messages.js";
import { sanitizeText } from "../shared/text.js";
import { runNodeWorker } from "../worker/node-worker.js";
import type { WorkerEvent } from "../worker/worker.js";
import { readAuthorities, readToken } from "./credentials.js";
import { Interrupts } from "./interrupts.js";
import { addJsonOption, seconds } from "./options.js";

interface WorkerOptions {
  name?: string;
  tokenFile?: string;
  tlsCa?: string;
  retryFor: number;
  endWithParent?: boolean;
  json?: boolean;
}

export function workerCommand(program: Command, exitWith: (code: number) => void): void {
  const command = program
    .command("worker")
    .description("computes for a coordinator; needs only its URL")
    .argument("<url>", "the coordinator's address, such as ws://192.0.2.1:7711")
    .option("--name <name>", "this worker's name (default: host name and process id)")
    .option("--token-file <file>", "the coordinator's token (or TANDEM_TOKEN)")
    .option("--tls-ca <file>", "certificates to trust besides the system's (PEM)")
    .addOption(
      new Option("--retry-for <seconds>", "how long to retry while the coordinator is unreachable")
        .argParser(seconds)
        .default(60_000, "60"),
    )
    .option("--end-with-parent", "exit when standard input is closed");
  addJsonOption(command);
  command.action(async (url: string, options: WorkerOptions) => {
    const token = readToken(options.tokenFile);
    const ca = options.tlsCa === undefined ? undefined : readAuthorities("--tls-ca", options.tlsCa);
    const address = coordinatorAddress(url);
    const interrupts = new Interrupts();
    if (options.endWithParent) {
      // Read, as a closed standard input is noticed only by reading.
      process.stdin.resume();
      process.stdin.on("close", () => process.exit(1));
      process.stdin.on("error", () => process.exit(1));
    }
    await runNodeWorker(
      {
        ...address,
        name: (options.name ?? `${hostname()}-${process.pid}`).slice(0, MAX_NAME_LENGTH),
        retryForMs: options.retryFor,
        ...(token === undefined ? {} : { token }),
        ...(ca === undefined ? {} : { ca }),
      },
      (event) => tell(event, options.json === true),
      interrupts.signal,
    );
    exitWith(interrupts.exitCode);
  });
}

/** @throws TandemError `usage`, which does not repeat what may be a secret */
function coordinatorAddress(text: string): { url: string; shownUrl: string } {
  const withScheme = /^[a-z]+:\/\//i.test(text) ? text : `ws://${text}`;
  const asSocket = withScheme.replace(/^http(s?):/i, "ws$1:");
  if (URL.canParse(asSocket)) {
    const url = new URL(asSocket);
    if (url.username !== "" || url.password !== "") {
      throw new TandemError(
        "usage",
        "The coordinator's address has a user name or password in it, which other users of this machine can see. Give the token with --token-file or TANDEM_TOKEN.",
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

function tell(event: WorkerEvent, json: boolean): void {
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
