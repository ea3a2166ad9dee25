// The part of `welcome`: the run's configuration as JSON. Pure.
import { configText, type RunConfig, runConfigSchema } from "../../config.js";
import { FrameError } from "../frame.js";
import { describeIssue } from "../messages.js";

/** A network of a thousand layers takes about 400 kB. */
export const MAX_CONFIG_BYTES = 2 ** 20;

/** Nesting of objects and arrays; a configuration has six levels. V8 takes a second for a megabyte of opening brackets. */
const MAX_DEPTH = 16;

export function configParts(config: RunConfig): ArrayBufferView[] {
  return [new TextEncoder().encode(configText(config))];
}

/** @throws FrameError if the part is not a configuration */
export function readConfig(parts: readonly Uint8Array[]): RunConfig {
  const [part] = parts;
  if (!part || parts.length > 1) throw new FrameError("expected one part, the configuration");
  if (part.byteLength > MAX_CONFIG_BYTES) {
    throw new FrameError(`a configuration of more than ${MAX_CONFIG_BYTES} bytes`);
  }
  if (isTooDeep(part)) throw new FrameError("the configuration is nested too deeply");
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(part));
  } catch (error) {
    throw new FrameError("the configuration is not JSON", { cause: error });
  }
  const result = runConfigSchema.safeParse(value);
  if (result.success) return result.data;
  throw new FrameError(`configuration: ${describeIssue(result.error.issues[0])}`);
}

/** Counts the brackets outside of strings, whether or not the bytes are JSON. */
function isTooDeep(json: Uint8Array): boolean {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < json.length; at++) {
    const character = String.fromCharCode(json[at]!);
    if (isInString && character === "\\") at++;
    else if (character === '"') isInString = !isInString;
    else if (isInString) continue;
    else if (character === "]" || character === "}") depth--;
    else if ((character === "[" || character === "{") && ++depth > MAX_DEPTH) return true;
  }
  return false;
}
