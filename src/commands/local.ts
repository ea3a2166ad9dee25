import type { Command } from "commander";
import { LocalWorkers } from "../coordinator/local-workers.js";
import {
  addTellingOptions,
  addTrainingOptions,
  addWorkersOptions,
  type TellingOptions,
  type TrainingOptions,
  wholeNumber,
} from "./options.js";
import { makeToken, readToken } from "./credentials.js";
import { runSettings } from "./run-settings.js";
import { train } from "./train.js";

interface LocalOptions extends TrainingOptions, TellingOptions {
  workers: number;
  workerWait: number;
  verify: number;
}

const MAX_LOCAL_WORKERS = 256;

export function localCommand(program: Command, exitWith: (code: number) => void): void {
  const command = program
    .command("local")
    .description("a coordinator and worker processes on this machine")
    .option("--workers <n>", "worker processes", wholeNumber(1, MAX_LOCAL_WORKERS), 2);
  addTellingOptions(addWorkersOptions(addTrainingOptions(command, "the number of workers")));
  command.action(async (options: LocalOptions) => {
    const settings = runSettings(command, options, options.workers);
    // Other users of this machine can reach the port too.
    const ownToken = readToken(undefined);
    const token = ownToken ?? makeToken();
    const workers = new LocalWorkers(token, (text) => process.stderr.write(`${text}\n`));
    try {
      exitWith(
        await train({
          settings,
          telling: options,
          pool: {
            startWith: options.workers,
            goOnWith: 1,
            waitMs: options.workerWait,
            verify: options.verify,
          },
          server: { host: "127.0.0.1", port: 0, token, ownWorkers: options.workers },
          // Who has given a token knows it; a token of this run alone has to come with the page's address.
          ...(ownToken === undefined ? { pageKey: token } : {}),
          onListening: (url, fail) => workers.start(url, options.workers, fail),
          onKilled: () => workers.killAll(),
        }),
      );
    } finally {
      await workers.end();
    }
  });
}
