// Makes untrusted text safe for terminals, logs and pages. Pure.

/** Control characters (C0, DEL, C1), line separators, bidirectional overrides and lone surrogates. */
const UNSAFE = /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * The text on one line, without characters that a terminal or a page would interpret.
 * @param maxLength in UTF-16 code units; longer text is cut and ends in "…"
 */
export function sanitizeText(text: string, maxLength: number): string {
  // Cut first, so that a peer's megabytes are not scanned.
  const start = text.slice(0, 2 * maxLength).replace(UNSAFE, "\u{fffd}");
  if (start.length <= maxLength && text.length <= 2 * maxLength) return start;
  return `${start.slice(0, maxLength - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** Whether the text has characters that a terminal or a page would interpret or hide. */
export function hasUnsafe(text: string): boolean {
  return text.search(UNSAFE) >= 0;
}

/** Replaces such characters by `\u…`, which JSON, JavaScript and bash's `$'…'` understand. */
export function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** The longest prefix of the text of at most `maxBytes` bytes of UTF-8, without splitting a character. */
export function cutToBytes(text: string, maxBytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  return text.slice(0, read);
}
