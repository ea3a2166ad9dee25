// The deadlines of a worker's connection: for `welcome`, and for the silence between any two bytes.
import { SLOWEST_LINK } from "../shared/protocol/slowest-link.js";

/** The coordinator pings, or sends `alive`, every two seconds; after this long without a byte it counts as lost. */
const SILENCE_MS = 15_000;
const SILENCE_CHECK_MS = 1_000;
/** From the connection to `welcome`. */
const WELCOME_MS = 20_000;

export interface DeadlineParts {
  /** Bytes that may arrive without being visible: a whole message if the transport reports only those, else 0. */
  hiddenBytes: () => number;
  onMissed: (reason: string) => void;
}

export class ConnectionDeadlines {
  private readonly parts: DeadlineParts;
  private lastByteMs = performance.now();
  private silenceTimer: ReturnType<typeof setInterval> | undefined;
  private welcomeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: DeadlineParts) {
    this.parts = parts;
  }

  start(): void {
    const { hiddenBytes, onMissed } = this.parts;
    this.silenceTimer = setInterval(() => {
      const allowedMs = SILENCE_MS + hiddenBytes() / SLOWEST_LINK;
      if (performance.now() - this.lastByteMs >= allowedMs) onMissed("the coordinator is silent");
    }, SILENCE_CHECK_MS);
    this.welcomeTimer = setTimeout(
      () => onMissed(`no welcome within ${WELCOME_MS / 1000} s`),
      WELCOME_MS,
    );
  }

  noteByte(): void {
    this.lastByteMs = performance.now();
  }

  noteWelcome(): void {
    clearTimeout(this.welcomeTimer);
  }

  stop(): void {
    clearInterval(this.silenceTimer);
    clearTimeout(this.welcomeTimer);
  }
}
