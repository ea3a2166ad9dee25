// Which names layers may have. They are part of tensor names (NAME/kernel), which are keys in messages, checkpoints and objects,
// and appear in comma-separated lists and log lines. Pure.
import { MAX_NAME_LENGTH } from "./limits.js";
import { INPUT_NAME } from "./spec.js";

/** Keys with a special meaning in JavaScript objects. */
const OBJECT_KEYS = new Set(["__proto__", "constructor", "prototype"]);

/** Prefixes of optimizer slots, as in adam/m/NAME/kernel. */
const SLOT_PREFIXES = new Set(["sgd", "momentum", "adam", "adamw", "rmsprop"]);

/** Commas, spaces of all kinds, control and formatting characters, lone surrogates. */
const UNSUITABLE = /[,\s\p{Z}\p{Cc}\p{Cf}\p{Cs}]/u;

/** @returns what is wrong with a layer's name; undefined if it is allowed */
export function findNameProblem(name: string): string | undefined {
  if (name === "") return "its name is empty";
  if (name.length > MAX_NAME_LENGTH) {
    return `its name has ${name.length} characters; at most ${MAX_NAME_LENGTH} are allowed`;
  }
  if (UNSUITABLE.test(name)) {
    return "its name has a comma, a space or a control character; use letters, digits, _, - and /";
  }
  if (name === INPUT_NAME) return `"${INPUT_NAME}" is the name of the network's input`;
  const parts = name.split("/");
  if (parts.includes("")) return "its name has an empty part before, between or after slashes";
  if (parts.some((part) => OBJECT_KEYS.has(part))) return "its name is reserved by JavaScript";
  if (SLOT_PREFIXES.has(parts[0]!)) {
    return `names that begin with "${parts[0]!}" are reserved for the optimizer's slots`;
  }
  return undefined;
}
