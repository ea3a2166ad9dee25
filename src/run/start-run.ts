// A run from its request to its result. The command line and the library both call this; it writes nothing but the files
// that were asked for, and installs no signal handlers.
import type { PoolOptions } from "../coordinator/workers/pool.js";
import { LocalWorkers } from "../coordinator/workers/local-workers.js";
import type { ServerOptions } from "../coordinator/workers/server.js";
import { type RunPlan, runTraining } from "../coordinator/run.js";
import { Events } from "../shared/events.js";
import { takeOutput } from "./output-files.js";
import { checkRequest, type PreparedRun, prepareRun } from "./prepare-run.js";
import type { RunRequest, RunResult, Workforce } from "./run-request.js";

const DEFAULT_EVAL_EVERY = 100;
const DEFAULT_CHECKPOINT_EVERY = 1000;

/** @throws TandemError with exit code 2 where the request cannot be met, and 1 where the run fails */
export async function startRun(request: RunRequest): Promise<RunResult> {
  checkRequest(request);
  // Before the checkpoint is read: it may be the output, and another run still writing it.
  const lock = takeOutput(request.output, request.warn);
  try {
    return await carryOut(request, prepareRun(request));
  } finally {
    lock.release();
  }
}

async function carryOut(request: RunRequest, prepared: PreparedRun): Promise<RunResult> {
  const { workforce, output, signal = new AbortController().signal } = request;
  const events = new Events();
  request.observe(events);
  let step = prepared.resumeFrom?.step ?? 0;
  events.add({
    handle: (event) => {
      if (event.event === "step") step = event.step + 1;
    },
  });
  const onAbort = () => {
    const reason: unknown = signal.reason;
    const name = typeof reason === "string" ? reason : "abort";
    events.emit({ event: "interrupted", step, signal: name });
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  const workers =
    workforce.kind === "processes" ? new LocalWorkers(workforce.token, request.warn) : undefined;
  if (workers) request.onWorkers?.(() => workers.killAll());
  try {
    const plan = planOf(request, prepared);
    if (workers && workforce.kind === "processes") {
      const processCount = workforce.coordinatorComputes ? workforce.count - 1 : workforce.count;
      plan.onListening = (url, fail) => workers.start(url, processCount, fail);
    }
    const outcome = await runTraining(plan, events, signal);
    if (outcome.ended === "interrupted") return { ended: "interrupted", step, path: output };
    const { accuracy, loss } = outcome.test;
    return {
      ended: "finished",
      step: prepared.steps,
      path: output,
      ...(accuracy === undefined ? {} : { testAccuracy: accuracy }),
      testLoss: loss,
    };
  } finally {
    signal.removeEventListener("abort", onAbort);
    await workers?.end();
    await events.close();
  }
}

function planOf(request: RunRequest, prepared: PreparedRun): RunPlan {
  const { workforce, output, summaryDir, broadcast = "weights" } = request;
  const { config, engine, numerics, data, steps, resumeFrom, initial } = prepared;
  const training = {
    steps,
    evalEvery: request.evalEvery ?? DEFAULT_EVAL_EVERY,
    checkpointEvery: request.checkpointEvery ?? DEFAULT_CHECKPOINT_EVERY,
  };
  return {
    ...{
      config,
      engine,
      numerics,
      data,
      resumeFrom,
      initial,
      training,
      output,
      summaryDir,
      broadcast,
    },
    mixedNumerics: request.mixedNumerics === true,
    computesHere: workforce.kind === "in-process" || workforce.coordinatorComputes,
    pool: poolOf(workforce),
    server: serverOf(workforce),
  };
}

function poolOf(workforce: Workforce): PoolOptions {
  switch (workforce.kind) {
    case "in-process":
      return { startWith: 1, goOnWith: 1, waitMs: 0 };
    case "processes": {
      const { count, workerWaitMs, verify } = workforce;
      return { startWith: count, goOnWith: 1, waitMs: workerWaitMs, verify };
    }
    case "listen": {
      const { minWorkers, workerWaitMs, verify } = workforce;
      return { startWith: minWorkers, goOnWith: minWorkers, waitMs: workerWaitMs, verify };
    }
  }
}

function serverOf(workforce: Workforce): ServerOptions | undefined {
  switch (workforce.kind) {
    case "in-process":
      return undefined;
    case "processes": {
      // Other users of this machine can reach the port too: hence the token.
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
