// Parsers of options, and options of several commands. Each value is held against its range when it is read.
import { type Command, InvalidArgumentError, Option } from "commander";
import { type AugmentationSpec, parseAugmentation } from "../shared/data/augmentation.js";
import { isPictureShape, type PictureSize } from "../shared/data/files/pictures/picture-kinds.js";
import { MAX_SIDE } from "../shared/network/limits.js";
import { type Level, LEVELS } from "../coordinator/observe/sinks/narration.js";

/** A parser of whole numbers within a range. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(value) || value < min || value > max) {
      const range =
        max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
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

/** A parser of numbers from 0 on. */
export function numberFromZero(max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= 0 && value <= max)) {
      throw new InvalidArgumentError(`It must be a number from 0 to ${max}.`);
    }
    return value;
  };
}

/** From 0 to 1. */
export const fraction = numberFromZero(1);

/** A parser of numbers from 0 to below 1. */
export function fractionBelowOne(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value < 1)) {
    throw new InvalidArgumentError("It must be a number of at least 0 and below 1.");
  }
  return value;
}

/** A parser of `shift=2,flip,rotate=10,scale=0.1,cutout=4`. */
export function augmentation(text: string): AugmentationSpec {
  const spec = parseAugmentation(text);
  if (spec) return spec;
  throw new InvalidArgumentError(
    "It must be a comma-separated list of shift=N and cutout=N (whole pixels, 1 to 1024), flip, rotate=N (degrees, at most 180) and scale=X (at most 0.9), each at most once.",
  );
}

/** A parser of times in seconds; the value is in milliseconds. */
export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1e6)) {
    throw new InvalidArgumentError("It must be a number of seconds from 0 to 1000000.");
  }
  return value * 1000;
}

/** A parser of `64x48` and `64x48x3`: height, width, and perhaps channels. */
export function pictureSize(text: string): PictureSize {
  const [, height, width, channels] = /^(\d{1,4})x(\d{1,4})(?:x([13]))?$/.exec(text) ?? [];
  const size = [Number(height), Number(width)] as const;
  if (!isPictureShape([...size, 3])) {
    throw new InvalidArgumentError(
      `It must be height x width, up to ${MAX_SIDE} pixels each, such as 64x48, or with 1 or 3 channels, such as 64x48x1.`,
    );
  }
  return channels === undefined ? size : [...size, channels === "1" ? 1 : 3];
}

export interface OutputOptions {
  json?: boolean;
  quiet?: boolean;
  logLevel: Level;
  logFile?: string;
}

/** What a run reports, and where. */
export function addOutputOptions(command: Command): Command {
  return addJsonOption(command)
    .option("--quiet", "print only results and errors")
    .addOption(
      new Option("--log-level <level>", "how much to print besides the results")
        .choices(LEVELS)
        .default("info"),
    )
    .option("--log-file <file>", "append events to this file, as JSON lines");
}

export function addJsonOption(command: Command): Command {
  return command.option(
    "--json",
    "print JSON lines on standard output, and text on standard error",
  );
}

export interface WorkersOptions {
  workerWait: number;
  verify: number;
  coordinatorComputes?: boolean;
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
      "fraction of the shards that two workers compute, to compare their results bit by bit",
      fraction,
      0,
    )
    .option("--coordinator-computes", "make the coordinator's own process one of the workers");
}

/** The options of `addWorkersOptions` as part of a run's request. */
export function workersRequest({ workerWait, verify, coordinatorComputes }: WorkersOptions) {
  return { workerWaitMs: workerWait, verify, coordinatorComputes: coordinatorComputes === true };
}

/** The options that the user gave, without those that have their default. */
export function givenOptions<Options extends object>(
  command: Command,
  options: Options,
): Partial<Options> {
  const given = Object.entries(options).filter(
    ([name]) => command.getOptionValueSource(name) !== "default",
  );
  return Object.fromEntries(given) as Partial<Options>;
}
