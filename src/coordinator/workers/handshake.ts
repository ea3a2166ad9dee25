// From a connection to a worker that takes part: hello, welcome, ready. Everything is refused that is out of order or too
// late.
import { type CloseCode, closeCodes } from "../../shared/protocol/close-codes.js";
import {
  type FromWorker,
  MAX_NAME_LENGTH,
  PROTOCOL_VERSION,
} from "../../shared/protocol/messages.js";

/** How far a worker has come. `proven`: it has answered a task. */
export type SessionPhase = "hello" | "loading" | "active" | "proven" | "closed";

/** Room for a number behind a name that another worker has. */
const NUMBER_LENGTH = 8;

/** Why a connection is closed in the handshake. */
export interface Refusal {
  code: CloseCode;
  reason: string;
  /** The peer misbehaved, rather than being in the wrong place. */
  isFailure: boolean;
}

/** Looked at before anything else, as another version's messages may be of other forms. */
export function refuseVersion(header: Readonly<Record<string, unknown>>): Refusal | undefined {
  const { type, protocol } = header;
  if (type !== "hello" || typeof protocol !== "number" || protocol === PROTOCOL_VERSION) {
    return undefined;
  }
  const older = protocol < PROTOCOL_VERSION ? "worker" : "coordinator";
  const reason = `worker speaks protocol ${protocol}, coordinator ${PROTOCOL_VERSION}: update the ${older}`;
  return { code: closeCodes.version, reason, isFailure: false };
}

/** The name as it may be shown in terminals and pages: only harmless characters are kept. */
export function plainName({ name }: FromWorker & { type: "hello" }): string {
  const plain = name.replace(/[^\w.@-]/g, "").slice(0, MAX_NAME_LENGTH - NUMBER_LENGTH);
  return plain === "" ? "worker" : plain;
}

/** A handshake step that came at the wrong time. */
export function refuseOrder(reason: string): Refusal {
  return { code: closeCodes.unexpected, reason, isFailure: true };
}

/** What a relay without a coordinator answers relays: it may be behind them next. */
export const NO_COORDINATOR: Refusal = {
  code: closeCodes.goingAway,
  reason: "this relay has lost its coordinator",
  isFailure: false,
};

/** A relay hides who computed what, which `--verify` has to know. */
export const VERIFIES_RESULTS: Refusal = {
  code: closeCodes.noRelays,
  reason: "the run verifies results, and must know who computed them: relays cannot take part",
  isFailure: false,
};
