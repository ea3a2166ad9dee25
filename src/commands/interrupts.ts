// Ctrl-C, SIGTERM and a closed terminal (SIGHUP): the first asks the run to end in good order, the second ends it at once.
import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type Signal = (typeof SIGNALS)[number];

export class Interrupts {
  private readonly controller = new AbortController();
  private received: Signal | undefined;

  /** @param onSecond ends what must not outlive the process */
  constructor(onSecond: () => void = () => undefined) {
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        // A terminal that closes sends two: the kernel's, and the shell's to its jobs.
        if (this.received === "SIGHUP" && signal === "SIGHUP") return;
        if (this.received) {
          onSecond();
          process.exit(exitCodeOf(signal));
        }
        this.received = signal;
        this.controller.abort(signal);
      });
    }
  }

  /** Aborted by the first signal, whose name is the reason. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** 130 after SIGINT, 143 after SIGTERM, 129 after SIGHUP, 0 where none came. */
  get exitCode(): number {
    return this.received ? exitCodeOf(this.received) : 0;
  }
}

function exitCodeOf(signal: Signal): number {
  return 128 + constants.signals[signal];
}
