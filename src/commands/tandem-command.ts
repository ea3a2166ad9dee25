// A command whose options have three sources: the command line, then variables named after them (TANDEM_BATCH_SIZE for
// --batch-size), then the JSON file that --config names (batchSize). This is the one place that knows; an option that is added
// to a command has all three.
import { Command, InvalidArgumentError, Option, type ParseOptionsResult } from "commander";
import { TandemError } from "../shared/errors.js";
import { sanitizeText } from "../shared/text.js";
import { readConfigFile } from "./config-file.js";

const MAX_SHOWN_LENGTH = 200;
const HELP_FLAGS: readonly string[] = ["-h", "--help"];

/** What variables and files mean by a flag. Commander's own takes any value of a flag's variable as true, also 0. */
const FLAG_TEXTS: Readonly<Record<string, boolean>> = {
  ...{ "1": true, true: true, yes: true, on: true },
  ...{ "0": false, false: false, no: false, off: false },
};

type Source = "env" | "config";

/** Where a value is from, for messages: `TANDEM_STEPS`, or `run.json: steps`. */
type Place = string;

export class TandemCommand extends Command {
  override createCommand(name?: string): TandemCommand {
    return new TandemCommand(name);
  }

  /**
   * Reads the command line, then the other sources for what it did not give. A variable without a value counts as not set.
   * @throws TandemError `usage`, naming the variable, or the file and its key
   */
  override parseOptions(args: string[]): ParseOptionsResult {
    const result = super.parseOptions(args);
    const isHelp = result.unknown.some((arg) => HELP_FLAGS.includes(arg));
    // The program itself has --version, which is not a setting.
    if (this.parent === null || isHelp) return result;
    this.readEnvironment();
    const file: unknown = this.getOptionValue("config");
    if (typeof file === "string") this.readFile(file);
    return result;
  }

  private readEnvironment(): void {
    for (const option of this.settings()) {
      const variable = variableOf(option);
      const text = process.env[variable];
      if (text === undefined || text === "" || this.isGiven(option)) continue;
      this.set(option, "env", valueOfText(option, text, variable));
    }
  }

  private readFile(file: string): void {
    for (const [key, value] of Object.entries(readConfigFile(file))) {
      const place = `--config ${file}: ${sanitizeText(key, MAX_SHOWN_LENGTH)}`;
      const option = this.settings().find((each) => each.attributeName() === key);
      if (option === undefined || key === "config") throw this.unknownKey(key, place);
      // Checked also where another source comes first: the file is wrong in any case.
      const read = valueOfJson(option, value, place);
      if (!this.isGiven(option)) this.set(option, "config", read);
    }
  }

  private settings(): Option[] {
    return this.options.filter((option) => option.long !== undefined);
  }

  /** By a source that comes before. */
  private isGiven(option: Option): boolean {
    const source = this.getOptionValueSource(option.attributeName());
    return source !== undefined && source !== "default";
  }

  private set(option: Option, source: Source, value: unknown): void {
    this.setOptionValueWithSource(option.attributeName(), value, source);
  }

  private unknownKey(key: string, place: Place): TandemError {
    const known = this.settings().find((each) => sameLetters(each.name(), key));
    const isSecret = key === "token";
    const hint = isSecret
      ? "Do not put secrets into this file: use tokenFile to name a file that contains the token."
      : known === undefined
        ? `See tandem ${this.name()} --help for the options, and write them as batchSize for --batch-size.`
        : `Write ${known.attributeName()}.`;
    return usage(place, `tandem ${this.name()} has no such option. ${hint}`);
  }
}

/** For every command: --config itself, and what its help says about the sources. */
export function addConfigOption(command: Command): void {
  command
    .option("--config <file>", 'read options from this JSON file, such as {"batchSize": 128}')
    .addHelpText(
      "after",
      "\nEvery option can also be a variable (TANDEM_BATCH_SIZE for --batch-size) or a key of the --config file (batchSize).\nThe command line comes first, then variables, then the file.",
    );
}

/** `TANDEM_BATCH_SIZE` for `--batch-size`. */
export function variableOf(option: Option): string {
  const name = option.negate ? option.name().replace(/^no-/, "") : option.name();
  return `TANDEM_${name.toUpperCase().replaceAll("-", "_")}`;
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

/** A variable has one value, also where an option can be given several times. */
function valueOfText(option: Option, text: string, place: Place): unknown {
  if (takesValue(option))
    return option.variadic ? parseAll(option, [text], place) : parse(option, text, place);
  const flag = FLAG_TEXTS[text.toLowerCase()];
  if (flag === undefined) throw invalid(option, text, place, "It must be 1 or 0, true or false.");
  return flag;
}

function valueOfJson(option: Option, value: unknown, place: Place): unknown {
  if (!takesValue(option)) {
    if (typeof value === "boolean") return value;
    throw invalid(option, JSON.stringify(value), place, "It must be true or false.");
  }
  const values: unknown[] = Array.isArray(value) ? value : [value];
  const texts = values.map((each) => {
    if (typeof each === "string" || typeof each === "number") return String(each);
    throw invalid(option, JSON.stringify(each), place, "It must be a number or a string.");
  });
  if (option.variadic) return parseAll(option, texts, place);
  if (!Array.isArray(value)) return parse(option, texts[0]!, place);
  throw invalid(option, JSON.stringify(value), place, "It must be a single number or string.");
}

function parseAll(option: Option, texts: readonly string[], place: Place): unknown {
  if (option.parseArg === undefined) return [...texts];
  return texts.reduce<unknown>((previous, text) => parse(option, text, place, previous), undefined);
}

function parse(option: Option, text: string, place: Place, previous?: unknown): unknown {
  if (option.parseArg === undefined) return text;
  try {
    return option.parseArg(text, previous);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw invalid(option, text, place, error.message);
  }
}

function invalid(option: Option, text: string, place: Place, rule: string): TandemError {
  const shown = sanitizeText(text, MAX_SHOWN_LENGTH);
  return usage(place, `${shown} is not a valid value for --${option.name()}. ${rule}`);
}

function usage(place: Place, sentence: string): TandemError {
  return new TandemError("usage", `${place}: ${sentence}`);
}

function sameLetters(one: string, other: string): boolean {
  const letters = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  return letters(one) === letters(other);
}
