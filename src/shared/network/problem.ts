// Refuses a network's description with one sentence that names the invalid layer. Pure.
import { TandemError } from "../errors.js";
import { sanitizeText } from "../text.js";

/** Names and values come from files and peers, so a message repeats only this much of them. */
const MAX_QUOTED_LENGTH = 80;

/** Untrusted text, shortened and safe for a terminal. */
export function shorten(text: string): string {
  return sanitizeText(text, MAX_QUOTED_LENGTH);
}

export function quote(text: string): string {
  return `"${shorten(text)}"`;
}

export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

export function refuseNetwork(sentence: string, options?: { cause?: unknown }): never {
  throw new TandemError("network", `The network cannot be used: ${sentence}`, options);
}

export function refuseLayer(name: string, sentence: string): never {
  throw new TandemError(
    "network",
    `The network's layer ${quote(name)} cannot be used: ${sentence}`,
  );
}
