import { isIP } from "node:net";
import type { Command } from "commander";
import { TandemError } from "../shared/errors.js";
import {
  addTellingOptions,
  addTrainingOptions,
  addWorkersOptions,
  type TellingOptions,
  type TrainingOptions,
  wholeNumber,
} from "./options.js";
import { readServerTls, readToken, requireLongToken } from "./credentials.js";
import { runSettings } from "./run-settings.js";
import { train } from "./train.js";

interface CoordinatorOptions extends TrainingOptions, TellingOptions {
  host: string;
  port: number;
  minWorkers: number;
  workerWait: number;
  verify: number;
  tokenFile?: string;
  tlsCert?: string;
  tlsKey?: string;
  insecure?: boolean;
}

export function coordinatorCommand(program: Command, exitWith: (code: number) => void): void {
  const command = program
    .command("coordinator")
    .description("leads a run; workers come from other terminals or machines")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <n>", "port to listen on, 0: a free one", wholeNumber(0, 65_535), 7711)
    .option("--min-workers <n>", "workers that the run needs to go on", wholeNumber(1, 1024), 1)
    .option("--token-file <file>", "lets in only workers with the same token (or TANDEM_TOKEN)")
    .option("--tls-cert <file>", "serve wss with this certificate (PEM)")
    .option("--tls-key <file>", "the certificate's key (PEM)")
    .option("--insecure", "listen beyond this machine without a token");
  addTellingOptions(addWorkersOptions(addTrainingOptions(command, "--min-workers")));
  command.action(async (options: CoordinatorOptions) => {
    const token = readToken(options.tokenFile);
    if (token === undefined && !isLoopback(options.host) && !options.insecure) {
      throw new TandemError(
        "listen-refused",
        `--host ${options.host} can be reached from other machines, and without a token anyone there could join the run. Give --token-file FILE, or --insecure if that is meant.`,
      );
    }
    if (token !== undefined && !isLoopback(options.host)) requireLongToken(token, options.host);
    const tls = readTls(options);
    const settings = runSettings(command, options, options.minWorkers);
    exitWith(
      await train({
        settings,
        telling: options,
        pool: {
          startWith: options.minWorkers,
          goOnWith: options.minWorkers,
          waitMs: options.workerWait,
          verify: options.verify,
        },
        server: {
          host: options.host,
          port: options.port,
          ...(token === undefined ? {} : { token }),
          ...(tls === undefined ? {} : { tls }),
        },
      }),
    );
  });
}

function isLoopback(host: string): boolean {
  if (host === "localhost" || host === "::1") return true;
  return isIP(host) === 4 && host.startsWith("127.");
}

function readTls(options: CoordinatorOptions): { cert: Buffer; key: Buffer } | undefined {
  const { tlsCert, tlsKey } = options;
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new TandemError("usage", "--tls-cert and --tls-key belong together. Give both.");
  }
  return readServerTls(tlsCert, tlsKey, (text) => process.stderr.write(`${text}\n`));
}
