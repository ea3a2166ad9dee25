// How a worker's connection ended, and what a close code of the coordinator's says about it. Pure.
import type { RefusalCause } from "../shared/protocol/browser-messages.js";
import { closeCodes, FINAL_CLOSE_CODES } from "../shared/protocol/close-codes.js";
import { sanitizeText } from "../shared/text.js";

/** Of what is printed of a peer's words. */
export const MAX_REASON_LENGTH = 200;

export type ConnectionEnd =
  /** The coordinator said that the run is over. */
  | { kind: "ended"; reason: string }
  /** The worker was asked to stop, and said goodbye. */
  | { kind: "stopped" }
  /** The coordinator refused for good, or asks for what this worker cannot do. */
  | { kind: "refused"; cause: RefusalCause; reason: string }
  /** The connection broke; it may be tried again. */
  | { kind: "lost"; reason: string; wasUseful: boolean };

const REFUSAL_CAUSES: Readonly<Record<number, RefusalCause>> = {
  [closeCodes.version]: "version",
  [closeCodes.otherNumerics]: "numerics",
};

/** What a closed connection gives as its reason, fit to be printed. */
export function closeText(code: number, reason: string): string {
  return sanitizeText(reason, MAX_REASON_LENGTH) || `the connection was closed (${code})`;
}

/** @returns undefined where the connection may be tried again */
export function finalEnd(code: number, reason: string): ConnectionEnd | undefined {
  const text = closeText(code, reason);
  if (code === closeCodes.ended) return { kind: "ended", reason: text };
  if (!FINAL_CLOSE_CODES.includes(code)) return undefined;
  return { kind: "refused", cause: REFUSAL_CAUSES[code] ?? "other", reason: text };
}
