// Time limits for a worker, from its connection to each of its answers.

export interface SessionTimes {
  /** From the connection to `hello`. */
  helloMs: number;
  /** From `welcome` to `ready`: the worker loads its engine. */
  readyMs: number;
  /** Interval between pings. */
  pingMs: number;
  /** A worker is lost after this long without a sign of life; while it computes, the time its task may take is added. */
  silenceMs: number;
  /** Additional silence allowed while a worker computes its first task. */
  firstTaskMs: number;
  /** A worker that answers pings but none of its tasks is disconnected after this long. */
  answerMs: number;
}

export const DEFAULT_TIMES: SessionTimes = {
  helloMs: 10_000,
  readyMs: 120_000,
  pingMs: 2_000,
  silenceMs: 10_000,
  firstTaskMs: 20_000,
  answerMs: 30_000,
};
