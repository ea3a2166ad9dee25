// Why a connection was closed by Tandem: WebSocket close codes from the range for applications (RFC 6455, section 7.4.2).
// The same table, for people, is in docs/protocol.md.

export const closeCodes = {
  /** The run has ended; nothing is wrong. */
  ended: 1000,
  /** The peer is going away by its own wish. */
  goingAway: 1001,
  /** The bytes are not a frame, or the header is not a message. */
  badMessage: 4000,
  /** A message that does not belong here now. */
  unexpected: 4001,
  /** Another version of the protocol. */
  version: 4002,
  /** No hello, or no ready, in time. */
  tooSlow: 4003,
  /** Shapes, lengths or numbers that cannot be the answer to the task. */
  badResult: 4004,
  /** More messages than were asked for. */
  tooMany: 4006,
  /** Too many failures: temporarily banned. */
  banned: 4007,
  /** The worker's results were wrong. */
  wrongResults: 4008,
  /** The peer does not read what it is sent. */
  notReading: 4009,
  /** The peer answers none of its tasks. */
  noAnswer: 4010,
  /** The worker's numerics fingerprint is not the run's: its results differ in the last bits. */
  otherNumerics: 4011,
  /** From a worker: it cannot compute this run, for example because it lacks memory or the run's engine. */
  cannotTakePart: 4012,
  /** The run takes no relays: it has to know which worker computed what. */
  noRelays: 4013,
} as const;

/** With these a worker turns the run down, and does not come back. */
export const WORKER_REFUSAL_CODES: readonly number[] = [
  closeCodes.version,
  closeCodes.cannotTakePart,
];

export type CloseCode = (typeof closeCodes)[keyof typeof closeCodes];

/** After these the worker does not try again: it would be refused for the same reason. The others may pass. */
export const FINAL_CLOSE_CODES: readonly number[] = [
  closeCodes.version,
  closeCodes.wrongResults,
  closeCodes.otherNumerics,
  closeCodes.noRelays,
];
