// How a network's description is refused: one sentence, with the name of the layer that is wrong. Pure.
import { TandemError } from "../errors.js";
import { sanitizeText } from "../text.js";

/** Names and values come from files and peers: only so much of them is repeated in a message. */
const MAX_QUOTED_LENGTH = 80;

/** Something that others wrote, short and safe for a terminal. */
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
