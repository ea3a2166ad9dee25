// How long a worker may take for what, from its connection to each of its answers.

export interface SessionTimes {
  /** From the connection to hello. */
  helloMs: number;
  /** From welcome to ready: the worker loads its engine. */
  readyMs: number;
  /** Between two pings. */
  pingMs: number;
  /** A worker that gives no sign of life for so long is gone; one that computes is allowed its task's time on top. */
  silenceMs: number;
  /** What a worker's first task may take on top. */
  firstTaskMs: number;
  /** A worker that has answered none of its tasks for so long is excluded, however alive it is. */
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
