#!/usr/bin/env node
// The command `tandem`. Each subcommand has a file in commands/; what they share is here: help, errors and exit codes.
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { type Command, CommanderError } from "commander";
import { coordinatorCommand } from "./commands/coordinator.js";
import { evaluateCommand } from "./commands/evaluate.js";
import { exportCommand } from "./commands/export.js";
import { inspectCommand } from "./commands/inspect.js";
import { localCommand } from "./commands/local.js";
import { predictCommand } from "./commands/predict.js";
import { recalibrateCommand } from "./commands/recalibrate.js";
import { relayCommand } from "./commands/relay.js";
import { setupCommand } from "./commands/setup.js";
import { showCommand } from "./commands/show.js";
import { singleCommand } from "./commands/single.js";
import { drainStandardStreams, prepareStandardStreams } from "./commands/standard-streams.js";
import { addConfigOption, TandemCommand } from "./commands/tandem-command.js";
import { workerCommand } from "./commands/worker.js";
import "./shared/digest/node-digests.js";
import { messageOf, TandemError } from "./shared/errors.js";
import { sanitizeText } from "./shared/text.js";

const BAD_USAGE = 2;
/** Messages may quote untrusted text, such as a tensor's name in a checkpoint. */
const MAX_MESSAGE_LENGTH = 2000;

// Weights are allocated and freed by the megabyte, and V8 reacts to each allocation by marking the whole heap on all its
// threads, which took a third of a worker's time. Without incremental marking it frees the young buffers first, and that is
// enough. TANDEM_V8_FLAGS sets other flags, or none if it is empty.
const v8Flags = process.env["TANDEM_V8_FLAGS"] ?? "--no-incremental-marking";
if (v8Flags !== "") setFlagsFromString(v8Flags);

function tandem(exitWith: (code: number) => void): Command {
  const program = new TandemCommand("tandem")
    .description("Trains one batch-normalised network on several machines as if they were one.")
    .version(version())
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureHelp({ showGlobalOptions: true });
  // Subcommands inherit what is set before they are created.
  const commands = [
    localCommand,
    coordinatorCommand,
    workerCommand,
    relayCommand,
    singleCommand,
    evaluateCommand,
    recalibrateCommand,
    inspectCommand,
    predictCommand,
    exportCommand,
    showCommand,
    setupCommand,
  ];
  for (const add of commands) add(program, exitWith);
  for (const command of program.commands) addConfigOption(command);
  return program;
}

function version(): string {
  const file = new URL("../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** @throws TandemError `usage` if the current folder has been deleted, so that relative paths cannot be resolved */
function checkCurrentFolder(): void {
  try {
    process.cwd();
  } catch (error) {
    throw new TandemError(
      "usage",
      `The current folder cannot be found (${messageOf(error)}). Change to one that exists.`,
      { cause: error },
    );
  }
}

/** @returns the exit code: 0 done, 1 failed, 2 bad usage or input, 130 or 143 interrupted */
async function main(args: string[]): Promise<number> {
  let exitCode = 0;
  try {
    checkCurrentFolder();
    await tandem((code) => (exitCode = code)).parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : BAD_USAGE;
    if (error instanceof TandemError) {
      process.stderr.write(`tandem: ${sanitizeText(error.message, MAX_MESSAGE_LENGTH)}\n`);
      return error.exitCode;
    }
    process.stderr.write(
      `tandem: this should not happen; please report it. ${messageOf(error)}\n${error instanceof Error ? error.stack : ""}\n`,
    );
    return 1;
  }
}

prepareStandardStreams();
const exitCode = await main(process.argv.slice(2));
process.exitCode = exitCode;
await drainStandardStreams();
// Open handles must not keep the process alive.
process.exit(exitCode);
