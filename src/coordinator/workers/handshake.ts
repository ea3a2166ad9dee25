// The handshake: hello, welcome, ready; and the reasons for which a peer is refused.
import { type CloseCode, closeCodes } from "../../shared/protocol/close-codes.js";
import {
  type FromWorker,
  MAX_NAME_LENGTH,
  PROTOCOL_VERSION,
} from "../../shared/protocol/messages.js";

/** `proven`: the worker has answered a task. */
export type SessionPhase = "hello" | "loading" | "active" | "proven" | "closed";

/** Room for a suffix that distinguishes workers of the same name. */
const NUMBER_LENGTH = 8;

/** Why a connection is closed in the handshake. */
export interface Refusal {
  code: CloseCode;
  reason: string;
  /** The peer broke a rule; counts towards a ban. */
  isFailure: boolean;
}

/** Must be checked first, because messages of other versions may have another form. */
export function refuseVersion(header: Readonly<Record<string, unknown>>): Refusal | undefined {
  const { type, protocol } = header;
  if (type !== "hello" || typeof protocol !== "number" || protocol === PROTOCOL_VERSION) {
    return undefined;
  }
  const older = protocol < PROTOCOL_VERSION ? "worker" : "coordinator";
  const reason = `worker speaks protocol ${protocol}, coordinator ${PROTOCOL_VERSION}: update the ${older}`;
  return { code: closeCodes.version, reason, isFailure: false };
}

/** The requested name, reduced to characters that are safe in terminals and pages. */
export function plainName({ name }: FromWorker & { type: "hello" }): string {
  const plain = name.replace(/[^\w.@-]/g, "").slice(0, MAX_NAME_LENGTH - NUMBER_LENGTH);
  return plain === "" ? "worker" : plain;
}

/** For a message that is not allowed in the session's phase. */
export function refuseOrder(reason: string): Refusal {
  return { code: closeCodes.unexpected, reason, isFailure: true };
}

/** Sent to relays by a relay that has no coordinator: it may connect to one of them next. */
export const NO_COORDINATOR: Refusal = {
  code: closeCodes.goingAway,
  reason: "this relay has lost its coordinator",
  isFailure: false,
};

/** `--verify` must know which worker computed a result, and a relay hides that. */
export const VERIFIES_RESULTS: Refusal = {
  code: closeCodes.noRelays,
  reason: "the run verifies results, and must know who computed them: relays cannot take part",
  isFailure: false,
};
