// A worker's main loop: connect, serve, and if the coordinator is unreachable retry with exponential backoff until the time limit.
// Used in Node and in browsers; the caller provides the transport and the runtime.
import type { BroadcastKind } from "../shared/config.js";
import { TandemError } from "../shared/errors.js";
import type { RefusalCause } from "../shared/protocol/browser-messages.js";
import type { WorkerKind } from "../shared/protocol/messages.js";
import type { Transport } from "../shared/protocol/transport.js";
import type { RunLayout } from "../shared/run-layout.js";
import { serveConnection } from "./connection.js";
import type { ConnectionEnd } from "./connection-end.js";
import type { Resources, Refusal } from "./limits.js";
import type { Route } from "./route.js";
import type { Runtime, RuntimeHolder } from "./runtime.js";

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;

export type WorkerEvent =
  | { event: "connected"; name: string; url: string }
  | { event: "waiting"; reason: string; deadlineSeconds: number }
  | { event: "ended"; reason: string };

export interface WorkerOptions {
  name: string;
  kind: WorkerKind;
  resources: Resources;
  /** Loads the engine and creates the runtime of a run. @throws TandemError if the engine cannot be loaded */
  createRuntime: (layout: RunLayout, broadcast: BroadcastKind) => Runtime;
  /** The addresses to connect to. */
  route: Route;
  /** How long the coordinator may be unreachable. */
  retryForMs: number;
}

/** Why a connection could not be opened. */
export type DialFailure =
  /** A retry may succeed. */
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

/**
 * Connects to the route's current address, serves the connection, and returns how it ended. `serve` must be called in the same
 * turn of the event loop in which the connection opens.
 */
export type Connect = (
  serve: (transport: Transport) => Promise<ConnectionEnd>,
) => Promise<ConnectionEnd | DialFailure>;

/**
 * Works until the run is over or `stop` is aborted.
 * @throws TandemError `coordinator-unreachable` after `retryForMs` without a coordinator, `coordinator-refused` if the coordinator
 * refuses this worker
 */
export async function runWorker(
  options: WorkerOptions,
  onEvent: (event: WorkerEvent) => void,
  stop: AbortSignal,
  connect: Connect,
): Promise<void> {
  const { name, kind, resources, createRuntime, route, retryForMs } = options;
  const holder: RuntimeHolder = { runtime: undefined, create: createRuntime };
  let awaySinceMs = performance.now();
  let lastHeardMs: number | undefined;
  /** Since the last useful connection: failed attempts, and how many times all addresses have been tried. */
  let [failures, rounds] = [0, 0];
  const onWelcome = (assignedName: string) => {
    lastHeardMs = performance.now();
    onEvent({ event: "connected", name: assignedName, url: route.current.shownUrl });
  };
  const serve = (transport: Transport) =>
    serveConnection(transport, { name, kind, holder, onWelcome, resources }, stop);
  while (!stop.aborted) {
    const welcomeBefore = lastHeardMs;
    const end = await connect(serve);
    if (end.kind === "ended") {
      onEvent({ event: "ended", reason: end.reason });
      return;
    }
    if (end.kind === "stopped") return;
    // A relay's refusal is not final: the next relay or the coordinator may accept this worker.
    if (end.kind === "refused" && route.isAtCoordinator) {
      throw new RefusedError(end, route.current.shownUrl);
    }
    if (lastHeardMs !== welcomeBefore) lastHeardMs = performance.now();
    // Only useful connections reset the time limit; otherwise a worker that is welcomed and immediately disconnected each time
    // would retry forever.
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

/** Exponential backoff with jitter, so that many workers do not reconnect at the same moment. */
function backOffMs(attempt: number): number {
  const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return ceiling * (0.5 + Math.random() / 2);
}

/** Ends early if `stop` is aborted. */
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
