// A worker's life: connect, work, and while the coordinator is away try again, ever more slowly, until the time is up.
import { setTimeout as delay } from "node:timers/promises";
import { TandemError } from "../shared/errors.js";
import { type ComputerHolder, type ConnectionOptions, workThrough } from "./connection.js";

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;

export type WorkerEvent =
  | { event: "connected"; name: string; url: string }
  | { event: "waiting"; reason: string; deadlineSeconds: number }
  | { event: "ended"; reason: string };

export interface WorkerOptions extends ConnectionOptions {
  /** How long a coordinator may be away. */
  retryForMs: number;
}

/**
 * Works until the run is over or `stop` is given.
 * @throws TandemError `coordinator-unreachable` after `retryForMs` without a coordinator, `coordinator-refused` where it
 * refuses for good
 */
export async function runWorker(
  options: WorkerOptions,
  onEvent: (event: WorkerEvent) => void,
  stop: AbortSignal,
): Promise<void> {
  const holder: ComputerHolder = { computer: undefined };
  let awaySinceMs = performance.now();
  let attempts = 0;
  const onWelcome = (name: string) => onEvent({ event: "connected", name, url: options.url });
  while (!stop.aborted) {
    const end = await workThrough(options, holder, { onWelcome }, stop);
    if (end.kind === "ended") {
      onEvent({ event: "ended", reason: end.reason });
      return;
    }
    if (end.kind === "stopped") return;
    if (end.kind === "refused") {
      throw new TandemError(
        "coordinator-refused",
        `The coordinator at ${options.url} refused this worker: ${end.reason}.`,
      );
    }
    if (end.wasWelcome) {
      awaySinceMs = performance.now();
      attempts = 0;
    }
    const leftMs = options.retryForMs - (performance.now() - awaySinceMs);
    if (leftMs <= 0) {
      throw new TandemError(
        "coordinator-unreachable",
        `No coordinator at ${options.url} for ${options.retryForMs / 1000} s (${end.reason}). Check the address, or wait longer with --retry-for.`,
      );
    }
    if (attempts === 0) {
      onEvent({ event: "waiting", reason: end.reason, deadlineSeconds: options.retryForMs / 1000 });
    }
    await delay(Math.min(backOffMs(attempts++), leftMs), undefined, { signal: stop }).catch(
      () => undefined,
    );
  }
}

/** Doubling, and with jitter, so that many workers do not all come back in the same instant. */
function backOffMs(attempt: number): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return ceiling * (0.5 + Math.random() / 2);
}
