import type { Command } from "commander";
import { JsonSink } from "../coordinator/observe/sinks/json.js";
import { sentenceOf } from "../coordinator/observe/sinks/narration.js";
import { runRelay } from "../relay/relay.js";
import { checkPortAccess } from "../run/port-access.js";
import { Events } from "../shared/events.js";
import { isReported, type RunEvent } from "../shared/run-event.js";
import { readTls, readToken } from "./credentials.js";
import { Interrupts } from "./interrupts.js";
import { addJoinOptions, type JoinOptions, joinRequest, reportEvent } from "./join-options.js";
import { wholeNumber } from "./options.js";

interface RelayOptions extends JoinOptions {
  host: string;
  port: number;
  listenTokenFile?: string;
  tlsCert?: string;
  tlsKey?: string;
  insecure?: boolean;
}

export function relayCommand(program: Command, exitWith: (code: number) => void): void {
  const command = program
    .command("relay")
    .description(
      "relays between a coordinator and workers of its own, so that less data crosses their link",
    );
  addJoinOptions(command, "relay")
    .option("--host <address>", "address to listen on for workers", "127.0.0.1")
    .option("--port <n>", "port to listen on (0: any free port)", wholeNumber(0, 65_535), 7712)
    .option(
      "--listen-token-file <file>",
      "file with the token for its own workers (default: the coordinator's token)",
    )
    .option("--tls-cert <file>", "serve wss with this certificate (PEM)")
    .option("--tls-key <file>", "the certificate's key (PEM)")
    .option("--insecure", "listen beyond this machine without a token");
  command.action(async (url: string, options: RelayOptions) => {
    const request = joinRequest(url, options);
    const { host, port, listenTokenFile, json } = options;
    const token = listenTokenFile === undefined ? request.token : readToken(listenTokenFile);
    checkPortAccess({ host, token, isInsecure: options.insecure === true });
    const tls = readTls(options);
    const server = {
      ...{ host, port },
      ...(token === undefined ? {} : { token }),
      ...(tls === undefined ? {} : { tls }),
    };
    const events = new Events();
    if (json) events.add(new JsonSink(process.stdout));
    events.add({ name: "standard error", handle: (event) => narrate(event) });
    const interrupts = new Interrupts();
    try {
      const report = (event: Parameters<typeof reportEvent>[0]) => reportEvent(event, json);
      await runRelay({ ...request, server }, events, report, interrupts.signal);
    } finally {
      await events.close();
    }
    exitWith(interrupts.exitCode);
  });
}

function narrate(event: RunEvent): void {
  if (!isReported(event)) return;
  const text =
    event.event === "listening"
      ? `listening for workers on ${event.urls.join(", ")}`
      : sentenceOf(event)?.text;
  if (text !== undefined) process.stderr.write(`${text}\n`);
}
