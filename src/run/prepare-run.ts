// Turns a request into a run that is ready to start. All errors in the request are found here, before anything is started or
// written.
import { type Checkpoint, readCheckpoint } from "../shared/checkpoint/checkpoint.js";
import type { RunConfig } from "../shared/config.js";
import type { DataSource } from "../shared/data/samples.js";
import type { Engine } from "../shared/engine/engine.js";
import { openEngine } from "../shared/engine/open-engine.js";
import { TandemError } from "../shared/errors.js";
import { buildNetwork } from "../shared/network/build.js";
import { checkPixelLayer } from "../shared/network/keras/rescaling.js";
import { mismatchSentence } from "../shared/numerics-mismatch.js";
import { numericsFingerprint } from "../shared/replica/fingerprint.js";
import { layoutOfRun } from "../shared/run-layout.js";
import { checkRun } from "./check-run.js";
import { fitInitialWeights, type InitialState, readInitialWeights } from "./initial-weights.js";
import { checkOutputs, createSummaryFolder } from "./output-files.js";
import { checkPortAccess } from "./port-access.js";
import { checkRecipe } from "./recipes.js";
import { checkChoices, checkData, resumedSteps } from "./resume.js";
import { DEFAULTS, resolveConfig } from "./run-choices.js";
import type { RunRequest, Workforce } from "./run-request.js";

export interface PreparedRun {
  config: RunConfig;
  /** The engine that the configuration names. */
  engine: Engine;
  /** The engine's fingerprint on this machine. */
  numerics: string;
  data: DataSource;
  steps: number;
  resumeFrom: Checkpoint | undefined;
  initial: InitialState | undefined;
}

type CheckedRun = Omit<PreparedRun, "engine" | "numerics">;

/** To be called before anything else. @throws TandemError with exit code 2, naming the option or file */
export function checkRequest(request: RunRequest): void {
  const { workforce, output, summaryDir, logFile, resume, initial, inputs = [] } = request;
  if (workforce.kind === "listen") checkPortAccess(workforce);
  if (resume !== undefined && initial !== undefined) {
    throw new TandemError(
      "usage",
      "--initial and --resume cannot be used together: a run either continues or starts. Give one of them.",
    );
  }
  if (request.mixedNumerics && workforce.kind !== "in-process" && workforce.verify > 0) {
    throw new TandemError(
      "usage",
      "--verify and --mixed-numerics cannot be used together: results are compared bit by bit, and an honest worker with different numerics would be banned. Give one of them.",
    );
  }
  const reads = initial === undefined ? inputs : [...inputs, { what: "--initial", path: initial }];
  checkOutputs({ output, summaryDir, logFile, resume, inputs: reads });
}

/** To be called with the output locked, as the output may be the checkpoint that is read. @throws as `checkRequest` */
export async function prepareRun(request: RunRequest): Promise<PreparedRun> {
  const { workforce, summaryDir } = request;
  const { resume } = request;
  const run = await (resume === undefined ? startNewRun(request) : resumeRun(request, resume));
  checkRun({
    config: run.config,
    data: run.data,
    // Workers on other machines have memory of their own.
    computesHere: workforce.kind !== "listen" || workforce.coordinatorComputes,
    hasPort: workforce.kind !== "in-process",
  });
  checkThreads(run.config, request.choices.threads, request.workforce);
  checkVerify(run.config, request.workforce);
  if (summaryDir !== undefined) createSummaryFolder(summaryDir);
  const engine = openEngine(run.config.engine, { threads: request.choices.threads });
  const numerics = numericsFingerprint(layoutOfRun(run.config), engine);
  if (resume === undefined)
    return { ...run, engine, numerics, config: { ...run.config, numerics } };
  if (numerics !== run.config.numerics && !request.mixedNumerics) {
    throw new TandemError(
      "other-numerics",
      `${resume} cannot be resumed on this machine: ${mismatchSentence(run.config, numerics)}. Resume it on the same kind of machine that it was trained on, or with --mixed-numerics.`,
    );
  }
  return { ...run, engine, numerics };
}

/** With wasm, only `single` has threads: they are not part of the configuration, which is what workers are sent. */
export function checkThreads({ engine }: RunConfig, threads = 1, workforce: Workforce): void {
  if (engine.name !== "wasm" || threads === 1 || workforce.kind === "in-process") return;
  throw new TandemError(
    "usage",
    `--threads ${threads} is for one process with the wasm engine, as in \`tandem single\`. Start more workers instead.`,
  );
}

/** A shard's contribution to a barrier affects all other results, so agreeing results would not prove that it was right. */
function checkVerify({ batchNorm }: RunConfig, workforce: Workforce): void {
  if (batchNorm !== "sync" || workforce.kind === "in-process" || workforce.verify === 0) return;
  throw new TandemError(
    "usage",
    "--verify and --batch-norm sync cannot be used together: a wrong value at a barrier affects the results of every worker, so comparing results would not reveal it. Give one of them.",
  );
}

async function startNewRun(request: RunRequest): Promise<CheckedRun> {
  const { choices, steps, loadData, workforce } = request;
  const total = steps ?? DEFAULTS.steps;
  const data = await loadData(undefined);
  checkRecipe(request.recipe, data.target);
  const weights = request.initial === undefined ? undefined : readInitialWeights(request.initial);
  if (choices.network === undefined) checkPixelLayer(weights?.pixelLayer, data.inputType);
  const config = resolveConfig(choices, {
    data,
    steps: total,
    defaultShards: defaultShards(workforce),
    initial: weights,
  });
  const run = { data, steps: total, resumeFrom: undefined };
  if (!weights) return { ...run, config, initial: undefined };
  const initial = fitInitialWeights(weights, buildNetwork(config.network), config.seed);
  return { ...run, config: { ...config, initialDigest: initial.digest }, initial };
}

async function resumeRun(
  { choices, steps, loadData, dataName }: RunRequest,
  file: string,
): Promise<CheckedRun> {
  const resumeFrom = readCheckpoint(file);
  const { config } = resumeFrom;
  checkChoices(file, resumeFrom, choices);
  const total = resumedSteps(file, resumeFrom, steps, choices);
  const data = await loadData(config);
  checkData(file, resumeFrom, data, dataName);
  return { config, data, steps: total, resumeFrom, initial: undefined };
}

function defaultShards(workforce: Workforce): number {
  switch (workforce.kind) {
    case "in-process":
      return 1;
    case "processes":
      return workforce.count;
    case "listen":
      return workforce.minWorkers;
  }
}
