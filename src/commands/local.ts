import type { Command } from "commander";
import { createToken } from "../run/port-access.js";
import { readToken } from "./credentials.js";
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

interface LocalOptions extends TrainingOptions, OutputOptions, WorkersOptions {
  workers: number;
}

const MAX_LOCAL_WORKERS = 256;

export function localCommand(program: Command, exitWith: (code: number) => void): void {
  const command = program
    .command("local")
    .description("trains with a coordinator and worker processes on this machine")
    .option("--workers <n>", "worker processes", wholeNumber(1, MAX_LOCAL_WORKERS), 2);
  addOutputOptions(addWorkersOptions(addTrainingOptions(command, "the number of workers")));
  command.action(async (options: LocalOptions) => {
    const ownToken = readToken(undefined);
    const token = ownToken ?? createToken();
    exitWith(
      await train({
        run: buildRequest(command, options),
        workforce: {
          kind: "processes",
          count: options.workers,
          token,
          ...workersRequest(options),
        },
        output: options,
        // A token that was given is known; one of this run alone has to come with the page's address.
        ...(ownToken === undefined ? { pageKey: token } : {}),
      }),
    );
  });
}
