import type { Command } from "commander";
import { readTls, readToken } from "./credentials.js";
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
    .option("--token-file <file>", "accept only workers with the same token (or TANDEM_TOKEN)")
    .option("--tls-cert <file>", "serve wss with this certificate (PEM)")
    .option("--tls-key <file>", "the certificate's key (PEM)")
    .option("--insecure", "listen beyond this machine without a token");
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
    exitWith(await train({ run: buildRequest(command, options), workforce, output: options }));
  });
}
