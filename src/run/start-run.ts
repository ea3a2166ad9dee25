// Executes a run, from its request to its result, for the command line and the library. It writes only the requested files, and
// installs no signal handlers.
import { type RunPlan, runTraining } from "../coordinator/run.js";
import { Events } from "../shared/events.js";
import { claimOutput } from "./output-files.js";
import { checkRequest, type PreparedRun, prepareRun } from "./prepare-run.js";
import { applyRecipe, type AppliedRecipe } from "./recipes.js";
import type { RunRequest, RunResult } from "./run-request.js";
import { type WorkforceParts, openWorkforce } from "./workforce.js";

const DEFAULT_EVAL_EVERY = 100;
const DEFAULT_CHECKPOINT_EVERY = 1000;

/** @throws TandemError with exit code 2 if the request is invalid, and 1 if the run fails */
export async function startRun(original: RunRequest): Promise<RunResult> {
  const { request, report } = resolveRecipe(original);
  checkRequest(request);
  // Before the checkpoint is read: it may be the output, which another run may still be writing.
  const lock = claimOutput(request.output, request.warn);
  try {
    return await executeRun(request, await prepareRun(request), report);
  } finally {
    lock.release();
  }
}

type RecipeReport = AppliedRecipe["report"];

function resolveRecipe(request: RunRequest): { request: RunRequest; report?: RecipeReport } {
  if (request.recipe === undefined) return { request };
  const { choices, steps, report } = applyRecipe(request.recipe, request);
  return { request: { ...request, choices, steps }, report };
}

async function executeRun(
  request: RunRequest,
  prepared: PreparedRun,
  recipe: RecipeReport | undefined,
): Promise<RunResult> {
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
  const { workers, ...parts } = openWorkforce(workforce, request);
  try {
    if (recipe) events.emit({ event: "recipe", ...recipe });
    const plan = { ...planOf(request, prepared), ...parts };
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
    if (request.closesData) await prepared.data.close?.();
    await events.close();
  }
}

function planOf(request: RunRequest, prepared: PreparedRun): Omit<RunPlan, keyof WorkforceParts> {
  const { output, summaryDir, broadcast = "weights" } = request;
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
  };
}
