// A worker's life: connect, work, and while the coordinator is away try again, ever more slowly, until the time is up.
// In Node and in browsers; how to connect, and what computes, is given.
import type { BroadcastKind } from "../shared/config.js";
import { TandemError } from "../shared/errors.js";
import type { RefusalCause } from "../shared/protocol/browser-messages.js";
import type { WorkerKind } from "../shared/protocol/messages.js";
import type { Transport } from "../shared/protocol/transport.js";
import type { RunLayout } from "../shared/run-layout.js";
import { serveConnection } from "./connection.js";
import type { ConnectionEnd } from "./connection-end.js";
import type { Means, Refusal } from "./limits.js";
import type { Route } from "./route.js";
import type { Runtime, RuntimeHolder } from "./runtime.js";

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;

export type WorkerEvent =
  | { event: "connected"; name: string; url: string }
  | { event: "waiting"; reason: string; deadlineSeconds: number }
  | { event: "ended"; reason: string };

export interface WorkerOptions {
  name: string;
  kind: WorkerKind;
  means: Means;
  /** Loads what computes a run. @throws TandemError where it does not load */
  createRuntime: (layout: RunLayout, broadcast: BroadcastKind) => Runtime;
  /** Where to connect. */
  route: Route;
  /** How long a coordinator may be away. */
  retryForMs: number;
}

/** Why there is no connection. */
export type DialFailure =
  /** It may be tried again. */
  | { kind: "failed"; reason: string }
  | { kind: "refused"; cause: RefusalCause; reason: string }
  /** The worker was asked to stop. */
  | { kind: "stopped" };

/** The coordinator refused the worker, or the worker the run. */
export class RefusedError extends TandemError {
  readonly refusal: Refusal;

  constructor(refusal: Refusal, shownUrl: string) {
    super(
      "coordinator-refused",
      `The coordinator at ${shownUrl} refused this worker: ${refusal.reason}.`,
    );
    this.refusal = refusal;
  }
}

/** Connects to the route's current address, serves, and returns how that ended. `serve` must be called in the same turn in which the connection opens. */
export type Connect = (
  serve: (transport: Transport) => Promise<ConnectionEnd>,
) => Promise<ConnectionEnd | DialFailure>;

/**
 * Works until the run is over or `stop` is given.
 * @throws TandemError `coordinator-unreachable` after `retryForMs` without a coordinator, `coordinator-refused` where it
 * refuses for good
 */
export async function runWorker(
  options: WorkerOptions,
  onEvent: (event: WorkerEvent) => void,
  stop: AbortSignal,
  connect: Connect,
): Promise<void> {
  const { name, kind, means, createRuntime, route, retryForMs } = options;
  const holder: RuntimeHolder = { runtime: undefined, create: createRuntime };
  let awaySinceMs = performance.now();
  let lastHeardMs: number | undefined;
  /** Since the last connection that was of use; and how often all addresses have been tried. */
  let [failures, rounds] = [0, 0];
  const onWelcome = (given: string) => {
    lastHeardMs = performance.now();
    onEvent({ event: "connected", name: given, url: route.current.shownUrl });
  };
  const serve = (transport: Transport) =>
    serveConnection(transport, { name, kind, holder, onWelcome, means }, stop);
  while (!stop.aborted) {
    const welcomeBefore = lastHeardMs;
    const end = await connect(serve);
    if (end.kind === "ended") {
      onEvent({ event: "ended", reason: end.reason });
      return;
    }
    if (end.kind === "stopped") return;
    // What a relay refuses, another one or the coordinator may allow.
    if (end.kind === "refused" && route.isAtCoordinator) {
      throw new RefusedError(end, route.current.shownUrl);
    }
    if (lastHeardMs !== welcomeBefore) lastHeardMs = performance.now();
    // Only a connection that was of use counts: one that is welcomed and closed at once, again and again, must not keep
    // the worker busy for ever.
    const wasUseful = end.kind === "lost" && end.wasUseful;
    if (wasUseful) {
      awaySinceMs = performance.now();
      failures = 0;
      rounds = 0;
    }
    const leftMs = retryForMs - (performance.now() - awaySinceMs);
    if (leftMs <= 0) throw unreachable(options, end.reason, lastHeardMs);
    if (failures++ === 0) {
      onEvent({ event: "waiting", reason: end.reason, deadlineSeconds: retryForMs / 1000 });
    }
    const pauseMs = backOffMs(rounds);
    if (route.advance(wasUseful)) rounds++;
    await pause(Math.min(pauseMs, leftMs), stop);
  }
}

function unreachable(
  { route, retryForMs }: WorkerOptions,
  reason: string,
  lastHeardMs: number | undefined,
): TandemError {
  const { shownUrl } = route.coordinator;
  if (lastHeardMs === undefined) {
    return new TandemError(
      "coordinator-unreachable",
      `No coordinator at ${shownUrl} for ${retryForMs / 1000} s (${reason}). Check the address, or wait longer with --retry-for.`,
    );
  }
  const seconds = Math.round((performance.now() - lastHeardMs) / 1000);
  return new TandemError(
    "coordinator-unreachable",
    `The coordinator at ${shownUrl} is gone: last heard from ${seconds} s ago (${reason}). Start it again with --resume, or wait longer with --retry-for.`,
  );
}

/** Doubling, and with jitter, so that many workers do not all come back in the same instant. */
function backOffMs(attempt: number): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return ceiling * (0.5 + Math.random() / 2);
}

/** Ends early where `stop` is given. */
function pause(timeMs: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, timeMs);
    if (stop.aborted) end();
    else stop.addEventListener("abort", end);
  });
}
