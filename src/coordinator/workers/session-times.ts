// How long a worker may take for what, from its connection to each of its answers.

export interface SessionTimes {
  /** From the connection to hello. */
  helloMs: number;
  /** From welcome to ready: the worker loads its engine. */
  readyMs: number;
  /** Between two pings. */
  pingMs: number;
  /** A worker is lost after this long without a sign of life; while it computes, its task's time is added. */
  silenceMs: number;
  /** What a worker's first task may take on top. */
  firstTaskMs: number;
  /** A worker that answers pings and none of its tasks is excluded after this long. */
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
