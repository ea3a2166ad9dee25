// The close codes with which Tandem closes a connection, mostly from WebSocket's range for applications (RFC 6455, section
// 7.4.2). docs/protocol.md explains them to users.

export const closeCodes = {
  /** The run has ended; nothing is wrong. */
  ended: 1000,
  /** The peer leaves on its own. */
  goingAway: 1001,
  /** The bytes are not a frame, or the header is not a message. */
  badMessage: 4000,
  /** A valid message at the wrong time. */
  unexpected: 4001,
  /** Another version of the protocol. */
  version: 4002,
  /** `hello` or `ready` did not arrive in time. */
  tooSlow: 4003,
  /** Shapes, lengths or numbers that do not fit the task. */
  badResult: 4004,
  /** More messages than were requested. */
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
  /** The run accepts no relays: it has to know which worker computed what. */
  noRelays: 4013,
} as const;

/** Sent by a worker that refuses the run and does not reconnect. */
export const WORKER_REFUSAL_CODES: readonly number[] = [
  closeCodes.version,
  closeCodes.cannotTakePart,
];

export type CloseCode = (typeof closeCodes)[keyof typeof closeCodes];

/** After these a worker does not reconnect, as it would be refused for the same reason. Other refusals may be temporary. */
export const FINAL_CLOSE_CODES: readonly number[] = [
  closeCodes.version,
  closeCodes.wrongResults,
  closeCodes.otherNumerics,
  closeCodes.noRelays,
];
