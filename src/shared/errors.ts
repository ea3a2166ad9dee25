// The errors that users see: a code, a sentence, and the exit code of the command. The sentence says what is wrong, where, and
// how to fix it. Protocol violations by peers are in protocol/close-codes.ts.

const exitCodes = { failed: 1, badInput: 2 } as const;

type Kind = keyof typeof exitCodes;

/** `failed`: the run failed (exit 1). `badInput`: bad usage or bad input (exit 2). */
const errorKinds = {
  usage: "badInput",
  "data-folder-missing": "badInput",
  "data-file-missing": "badInput",
  "data-file-damaged": "badInput",
  "data-format": "badInput",
  "data-values": "badInput",
  "data-sample": "failed",
  "data-mismatch": "badInput",
  "data-labels": "badInput",
  "data-too-small": "badInput",
  "data-arrays": "badInput",
  "data-table": "badInput",
  "data-pictures": "badInput",
  "checkpoint-missing": "badInput",
  "checkpoint-damaged": "badInput",
  "checkpoint-format": "badInput",
  "checkpoint-model": "badInput",
  "resume-contradiction": "badInput",
  "other-numerics": "badInput",
  "output-unwritable": "badInput",
  "output-locked": "badInput",
  "too-large": "badInput",
  network: "badInput",
  "network-file": "badInput",
  loss: "badInput",
  "initial-weights": "badInput",
  "predict-input": "badInput",
  "token-file": "badInput",
  "tls-files": "badInput",
  "no-run-log": "badInput",
  "log-file": "badInput",
  "listen-refused": "badInput",
  "listen-failed": "badInput",
  "native-library": "failed",
  setup: "failed",
  "workers-missing": "failed",
  diverged: "failed",
  "write-failed": "failed",
  "coordinator-unreachable": "failed",
  "coordinator-refused": "failed",
  "compute-failed": "failed",
  "temporary-folder": "failed",
  "pictures-unavailable": "failed",
} as const satisfies Record<string, Kind>;

/** What went wrong, for programs. */
export type ErrorCode = keyof typeof errorKinds;

/** An error that a user can read and act on. Anything else that is thrown is a bug in Tandem. */
export class TandemError extends Error {
  readonly code: ErrorCode;
  readonly exitCode: number;

  constructor(code: ErrorCode, sentence: string, options?: { cause?: unknown }) {
    super(sentence, options);
    this.name = "TandemError";
    this.code = code;
    this.exitCode = exitCodes[errorKinds[code]];
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
