// The file that --config names: one JSON object of options. What its keys mean is the command's to know (tandem-command.ts).
import { messageOf, TandemError } from "../shared/errors.js";
import { readSmallFile } from "./small-file.js";

/** @throws TandemError `usage` if the file cannot be read, or does not contain a JSON object */
export function readConfigFile(file: string): Record<string, unknown> {
  let value: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(readSmallFile(file));
    value = JSON.parse(text);
  } catch (error) {
    throw new TandemError(
      "usage",
      `--config ${file} cannot be read (${messageOf(error)}). Give a JSON file such as {"batchSize": 128}.`,
      { cause: error },
    );
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new TandemError(
    "usage",
    `--config ${file} is not a JSON object. Give a file such as {"batchSize": 128}.`,
  );
}
