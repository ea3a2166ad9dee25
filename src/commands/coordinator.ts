import { basename, resolve } from "node:path";
import type { Command } from "commander";
import type { PageUpdate } from "../coordinator/observe/dashboard/page-update.js";
import { readRunLog } from "../coordinator/observe/dashboard/run-log.js";
import { messageOf } from "../shared/errors.js";
import { readTls, readToken } from "./credentials.js";
import { type PagePlace, servePage } from "./finished-page.js";
import {
  addOutputOptions,
  addWorkersOptions,
  type OutputOptions,
  wholeNumber,
  type WorkersOptions,
  workersRequest,
} from "./options.js";
import { buildRequest } from "./run-request.js";
import { train } from "./train.js";
import { addTrainingOptions, type TrainingOptions } from "./training-options.js";

interface CoordinatorOptions extends TrainingOptions, OutputOptions, WorkersOptions {
  host: string;
  port: number;
  minWorkers: number;
  tokenFile?: string;
  tlsCert?: string;
  tlsKey?: string;
  insecure?: boolean;
  keepPage?: boolean;
}

export function coordinatorCommand(program: Command, exitWith: (code: number) => void): void {
  const command = program
    .command("coordinator")
    .description("runs the training; workers connect from other terminals or machines")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <n>", "port to listen on (0: any free port)", wholeNumber(0, 65_535), 7711)
    .option(
      "--min-workers <n>",
      "workers that must be connected; with fewer, the run pauses",
      wholeNumber(1, 1024),
      1,
    )
    .option(
      "--token-file <file>",
      "file with the token that workers must have (or set TANDEM_TOKEN)",
    )
    .option("--tls-cert <file>", "serve wss with this certificate (PEM)")
    .option("--tls-key <file>", "the certificate's key (PEM)")
    .option("--insecure", "listen beyond this machine without a token")
    .option("--keep-page", "when the training is over, serve the page until interrupted");
  addOutputOptions(addWorkersOptions(addTrainingOptions(command, "--min-workers")));
  command.action(async (options: CoordinatorOptions) => {
    const { host, port, minWorkers } = options;
    const workforce = {
      kind: "listen" as const,
      ...{ host, port, minWorkers },
      token: readToken(options.tokenFile),
      tls: readTls(options),
      isInsecure: options.insecure === true,
      ...workersRequest(options),
    };
    const exitCode = await train({
      run: buildRequest(command, options),
      workforce,
      output: options,
    });
    const isKept = exitCode === 0 && options.keepPage === true;
    exitWith(isKept ? await keepPage(options.summaryDir, workforce) : exitCode);
  });
}
/** At the run's own address, so that whoever watches it and asks for its health finds both there. */
function keepPage(summaryDir: string, place: PagePlace): Promise<number> {
  const run = { name: basename(resolve(summaryDir)), updates: readUpdates(summaryDir) };
  return servePage([run], place, (url) => {
    process.stderr.write(`the page of the finished run: ${url} (Ctrl-C to stop)\n`);
  });
}

/** Returns no updates if the log could not be written: the training has still succeeded. */
function readUpdates(summaryDir: string): PageUpdate[] {
  try {
    return readRunLog(summaryDir).updates;
  } catch (error) {
    process.stderr.write(`the page will be empty: ${messageOf(error)}\n`);
    return [];
  }
}
