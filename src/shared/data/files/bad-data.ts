// Errors about unusable data: one sentence that names the file and the position in it. Pure.
import { type ErrorCode, TandemError } from "../../errors.js";
import { sanitizeText } from "../../text.js";

const MAX_PATH_LENGTH = 300;
const MAX_SENTENCE_LENGTH = 1000;

/** A path on one line, for messages and lists. */
export function pathText(path: string): string {
  return sanitizeText(path, MAX_PATH_LENGTH);
}

/** Throws a TandemError; see `refuseWith`. */
export type Refuse = (file: string, sentence: string, cause?: unknown) => never;

/** @returns a function that throws a TandemError of this code */
export function refuseWith(code: ErrorCode): Refuse {
  return (file, sentence, cause) => {
    // The system's own messages contain names unsanitized.
    const safe = sanitizeText(sentence, MAX_SENTENCE_LENGTH);
    throw new TandemError(code, `${pathText(file)}: ${safe}`, { cause });
  };
}

/** Compares by code points; the order of UTF-16 differs beyond U+FFFF. */
export function compareCodePoints(a: string, b: string): number {
  // Up to the first difference both have the same code points.
  for (let place = 0; place < a.length && place < b.length;) {
    const [left, right] = [a.codePointAt(place)!, b.codePointAt(place)!];
    if (left !== right) return left - right;
    place += left > 0xffff ? 2 : 1;
  }
  return a.length - b.length;
}

/** Some names, quoted, for a message; at most `maxCount` of them. */
export function listNames(names: readonly string[], maxCount = 12): string {
  const shown = names.slice(0, maxCount).map((name) => `"${sanitizeText(name, 40)}"`);
  const others = names.length - shown.length;
  return others > 0 ? `${shown.join(", ")} and ${others} more` : shown.join(", ");
}
