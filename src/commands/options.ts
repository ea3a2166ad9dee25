// The options of the commands, each parsed and held against its range when it is read.
import { type Command, InvalidArgumentError, Option } from "commander";
import { type Level, LEVELS } from "../coordinator/sinks/narration.js";
import { type Broadcast, BROADCASTS } from "../shared/config.js";

/** What the commander hands over, after the parsers below. */
export interface TrainingOptions {
  steps: number;
  batchSize: number;
  learningRate: number;
  shards?: number;
  seed: number;
  evalEvery: number;
  checkpointEvery: number;
  summaryDir: string;
  output: string;
  resume?: string;
  data?: string;
  validationSize: number;
  threads: number;
  broadcast: Broadcast;
}

/** A parser of whole numbers within a range. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(value) || value < min || value > max) {
      const range = max === Number.MAX_SAFE_INTEGER ? `from ${min} on` : `from ${min} to ${max}`;
      throw new InvalidArgumentError(`It must be a whole number ${range}.`);
    }
    return value;
  };
}

/** A parser of numbers above 0. */
export function positiveNumber(max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value > 0 && value <= max)) {
      throw new InvalidArgumentError(`It must be a number above 0, at most ${max}.`);
    }
    return value;
  };
}

/** A parser of shares of a whole. */
export function fraction(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError("It must be a number from 0 to 1.");
  }
  return value;
}

/** A parser of times in seconds; the value is in milliseconds. */
export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1e6)) {
    throw new InvalidArgumentError("It must be a number of seconds from 0 to 1000000.");
  }
  return value * 1000;
}

const MAX_THREADS = 1024;

export function addTrainingOptions(command: Command, shardsDefault: string): Command {
  return command
    .option("--steps <n>", "steps of training in all", wholeNumber(0), 10_000)
    .option("--batch-size <n>", "samples in a step's global batch", wholeNumber(1, 1e6), 50)
    .option("--learning-rate <x>", "Adam's learning rate", positiveNumber(1e6), 1e-4)
    .option(
      "--shards <n>",
      `parts of a batch that are normalised together (default: ${shardsDefault})`,
      wholeNumber(1, 1e6),
    )
    .option("--seed <n>", "seed of the weights and of the order of the samples", wholeNumber(0), 0)
    .option(
      "--eval-every <n>",
      "steps between evaluations, 0: only at the end",
      wholeNumber(0),
      100,
    )
    .option(
      "--checkpoint-every <n>",
      "steps between checkpoints, 0: only at the end",
      wholeNumber(0),
      1000,
    )
    .option("--summary-dir <dir>", "folder for TensorBoard's event files", "summary")
    .option("--output <file>", "the checkpoint", "checkpoint.safetensors")
    .option("--resume <file>", "go on from this checkpoint")
    .option("--data <dir>", "folder with MNIST-format files (default: MNIST itself)")
    .option("--validation-size <n>", "training samples held out", wholeNumber(0), 5000)
    .option("--threads <n>", "TensorFlow's threads in each process", wholeNumber(1, MAX_THREADS), 1)
    .addOption(
      new Option("--broadcast <what>", "what each worker is sent after a step")
        .choices(BROADCASTS)
        .default("weights"),
    );
}

export interface TellingOptions {
  json?: boolean;
  quiet?: boolean;
  logLevel: Level;
  logFile?: string;
}

/** What a run tells, and where. */
export function addTellingOptions(command: Command): Command {
  return addJsonOption(command)
    .option("--quiet", "only results and errors")
    .addOption(
      new Option("--log-level <level>", "what is told besides the results")
        .choices(LEVELS)
        .default("info"),
    )
    .option("--log-file <file>", "events as JSON lines, appended to this file");
}

export function addJsonOption(command: Command): Command {
  return command.option("--json", "JSON lines on standard output, people's text on standard error");
}

/** Options of the commands whose workers are other processes. */
export function addWorkersOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--worker-wait <seconds>", "how long to wait for enough workers")
        .argParser(seconds)
        .default(600_000, "600"),
    )
    .option(
      "--verify <fraction>",
      "share of the shards that two workers compute, compared bit by bit",
      fraction,
      0,
    );
}

/** True where the user gave the option, rather than taking its default. */
export function isGiven(command: Command, name: string): boolean {
  const source = command.getOptionValueSource(name);
  return source !== undefined && source !== "default";
}
