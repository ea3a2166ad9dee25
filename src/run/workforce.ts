// Turns the requested workforce into the parts of a run plan: pool options, the port for workers, and worker processes that the run
// starts itself.
import type { RunPlan } from "../coordinator/run.js";
import { LocalWorkers } from "../coordinator/workers/local-workers.js";
import type { PoolOptions } from "../coordinator/workers/pool.js";
import type { ServerOptions } from "../coordinator/workers/server.js";
import type { RunRequest, Workforce } from "./run-request.js";

/** The part of a run plan that concerns workers. */
export type WorkforceParts = Pick<RunPlan, "computesHere" | "pool" | "server" | "onListening">;

/** @returns also the worker processes, which the caller must end */
export function openWorkforce(
  workforce: Workforce,
  { warn, onWorkers }: Pick<RunRequest, "warn" | "onWorkers">,
): WorkforceParts & { workers?: LocalWorkers } {
  const computesHere = workforce.kind === "in-process" || workforce.coordinatorComputes;
  const parts = { computesHere, pool: poolOf(workforce), server: serverOf(workforce) };
  if (workforce.kind !== "processes") return parts;
  const workers = new LocalWorkers(workforce.token, warn);
  onWorkers?.(() => workers.killAll());
  const processCount = workforce.coordinatorComputes ? workforce.count - 1 : workforce.count;
  return {
    ...parts,
    workers,
    onListening: (url, fail) => workers.start(url, processCount, fail),
  };
}

function poolOf(workforce: Workforce): PoolOptions {
  switch (workforce.kind) {
    case "in-process":
      return { startWith: 1, continueWith: 1, waitMs: 0 };
    case "processes": {
      const { count, workerWaitMs, verify } = workforce;
      return { startWith: count, continueWith: 1, waitMs: workerWaitMs, verify };
    }
    case "listen": {
      const { minWorkers, workerWaitMs, verify } = workforce;
      return { startWith: minWorkers, continueWith: minWorkers, waitMs: workerWaitMs, verify };
    }
  }
}

function serverOf(workforce: Workforce): ServerOptions | undefined {
  switch (workforce.kind) {
    case "in-process":
      return undefined;
    case "processes": {
      // The token is needed because other users of this machine can reach the port.
      const { count, token } = workforce;
      return { host: "127.0.0.1", port: 0, token, ownWorkers: count };
    }
    case "listen": {
      const { host, port, token, tls } = workforce;
      return {
        host,
        port,
        ...(token === undefined ? {} : { token }),
        ...(tls === undefined ? {} : { tls }),
      };
    }
  }
}
