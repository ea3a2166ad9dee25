// How a worker's connection ended, as shown by the coordinator's close code or protocol version. Pure.
import type { RefusalCause } from "../shared/protocol/browser-messages.js";
import { closeCodes, FINAL_CLOSE_CODES } from "../shared/protocol/close-codes.js";
import { PROTOCOL_VERSION } from "../shared/protocol/messages.js";
import { sanitizeText } from "../shared/text.js";

/** Limit for text from a peer that is printed. */
export const MAX_REASON_LENGTH = 200;

export type ConnectionEnd =
  /** The coordinator said that the run is over. */
  | { kind: "ended"; reason: string }
  /** The worker was asked to stop, and said goodbye. */
  | { kind: "stopped" }
  /** The coordinator refused this worker permanently, or this worker cannot take part in the run. */
  | { kind: "refused"; cause: RefusalCause; reason: string }
  /** The connection broke; a retry may succeed. */
  | { kind: "lost"; reason: string; wasUseful: boolean };

const REFUSAL_CAUSES: Readonly<Record<number, RefusalCause>> = {
  [closeCodes.version]: "version",
  [closeCodes.otherNumerics]: "numerics",
};

/** The reason given for closing a connection, safe to print. */
export function closeText(code: number, reason: string): string {
  return sanitizeText(reason, MAX_REASON_LENGTH) || `the connection was closed (${code})`;
}

/** @returns undefined if a retry may succeed */
export function finalEnd(code: number, reason: string): ConnectionEnd | undefined {
  const text = closeText(code, reason);
  if (code === closeCodes.ended) return { kind: "ended", reason: text };
  if (!FINAL_CLOSE_CODES.includes(code)) return undefined;
  return { kind: "refused", cause: REFUSAL_CAUSES[code] ?? "other", reason: text };
}

/**
 * Must be checked first, because messages of other versions may have another form.
 * @returns why this worker and the coordinator cannot work together; undefined if they can
 */
export function findVersionProblem({
  type,
  protocol,
}: Readonly<Record<string, unknown>>): string | undefined {
  if (type !== "welcome" || typeof protocol !== "number") return undefined;
  if (protocol === PROTOCOL_VERSION) return undefined;
  const older = protocol < PROTOCOL_VERSION ? "coordinator" : "worker";
  return `coordinator speaks protocol ${protocol}, this worker ${PROTOCOL_VERSION}: update the ${older}`;
}
