// Text that others wrote, made safe for terminals, logs and pages. Pure.

/** Control characters (C0, DEL, C1), line separators, bidirectional overrides and lone surrogates. */
const UNSAFE = /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * The text on one line, without characters that a terminal or a page would act on, and not longer than it may be.
 * @param maxLength in UTF-16 code units; what is longer ends in "…"
 */
export function sanitizeText(text: string, maxLength: number): string {
  // Cut first: a peer's megabytes are not looked at one by one.
  const start = text.slice(0, 2 * maxLength).replace(UNSAFE, "\u{fffd}");
  if (start.length <= maxLength && text.length <= 2 * maxLength) return start;
  return `${start.slice(0, maxLength - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** Whether the text has characters that a terminal or a page would act on, or would not show. */
export function hasUnsafe(text: string): boolean {
  return text.search(UNSAFE) >= 0;
}

/** With `\u…` in the place of such characters, as JSON, JavaScript and bash's `$'…'` read it. */
export function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** The longest beginning of the text that has at most so many bytes as UTF-8, with no character cut in two. */
export function cutToBytes(text: string, maxBytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  return text.slice(0, read);
}
