import { hostname } from "node:os";
import type { Command } from "commander";
import { TandemError } from "../shared/errors.js";
import { MAX_NAME_LENGTH } from "../shared/protocol/messages.js";
import { runWorker, type WorkerEvent } from "../worker/worker.js";
import { readPem, readToken } from "./credentials.js";
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
    .description("computes for a coordinator; needs nothing but its URL")
    .argument("<url>", "the coordinator's address, such as ws://192.0.2.1:7711")
    .option(
      "--name <name>",
      "how the coordinator calls this worker (default: host name and process id)",
    )
    .option("--token-file <file>", "the coordinator's token (or TANDEM_TOKEN)")
    .option("--tls-ca <file>", "certificate that the coordinator's is signed by (PEM)")
    .option("--retry-for <seconds>", "how long the coordinator may be away", seconds, 60_000)
    .option("--end-with-parent", "end when standard input is closed");
  addJsonOption(command);
  command.action(async (url: string, options: WorkerOptions) => {
    const token = readToken(options.tokenFile);
    const ca = options.tlsCa === undefined ? undefined : readPem("--tls-ca", options.tlsCa);
    const interrupts = new Interrupts();
    if (options.endWithParent) {
      process.stdin.resume();
      process.stdin.on("close", () => process.exit(1));
    }
    await runWorker(
      {
        url: webSocketUrl(url),
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

function webSocketUrl(text: string): string {
  const withScheme = /^[a-z]+:\/\//i.test(text) ? text : `ws://${text}`;
  const asSocket = withScheme.replace(/^http(s?):/i, "ws$1:");
  if (URL.canParse(asSocket)) {
    const url = new URL(asSocket);
    const isSocket = url.protocol === "ws:" || url.protocol === "wss:";
    if (isSocket && url.hostname !== "" && url.hash === "") return url.href;
  }
  throw new TandemError(
    "usage",
    `${text} is no coordinator's address. Give one such as ws://192.0.2.1:7711; the coordinator prints it.`,
  );
}

function tell(event: WorkerEvent, json: boolean): void {
  if (json) process.stdout.write(`${JSON.stringify(event)}\n`);
  process.stderr.write(`${sentence(event)}\n`);
}

function sentence(event: WorkerEvent): string {
  switch (event.event) {
    case "connected":
      return `${event.name} works for ${event.url}`;
    case "waiting":
      return `no coordinator (${event.reason}); trying again for ${event.deadlineSeconds} s`;
    case "ended":
      return `the run has ended: ${event.reason}`;
  }
}
