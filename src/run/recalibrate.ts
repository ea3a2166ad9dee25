// Writes a new checkpoint with the same weights and the population statistics of the whole training set.
import type { LocalWorkers } from "../coordinator/workers/local-workers.js";
import { type RecalibrationPlan, runRecalibration } from "../coordinator/recalibration.js";
import { type Checkpoint, readCheckpoint } from "../shared/checkpoint/checkpoint.js";
import type { EngineSpec, RunConfig } from "../shared/config.js";
import type { DataSource } from "../shared/data/samples.js";
import type { EngineName } from "../shared/engine/engine.js";
import { openEngine } from "../shared/engine/open-engine.js";
import { TandemError } from "../shared/errors.js";
import { Events } from "../shared/events.js";
import { numericsFingerprint } from "../shared/replica/fingerprint.js";
import type { ReportedEvent } from "../shared/run-event.js";
import { layoutOfRun } from "../shared/run-layout.js";
import { checkRun } from "./check-run.js";
import { chooseEvaluationEngine } from "./evaluation-engine.js";
import { toLibraryError } from "./option-names.js";
import { checkOutputs, claimOutput } from "./output-files.js";
import { createToken } from "./port-access.js";
import { checkThreads } from "./prepare-run.js";
import type { RunRequest, Workforce } from "./run-request.js";
import { createReporter, DEFAULT_WAIT_MS } from "./train-options.js";
import { openWorkforce } from "./workforce.js";

export interface RecalibrationRequest extends Pick<
  RunRequest,
  "workforce" | "output" | "inputs" | "warn" | "observe" | "signal" | "onWorkers"
> {
  checkpoint: string;
  loadData: (config: RunConfig) => Promise<DataSource>;
  /** Default: the checkpoint's own, if it is installed */
  engine?: EngineName | undefined;
  /** Default: those of the checkpoint's engine */
  threads?: number | undefined;
}

/** How {@link recalibrate} ended. */
export type Recalibration =
  /** The new checkpoint is at `path`; its statistics were computed over `samples` samples. */
  | { ended: "finished"; path: string; samples: number; step: number; engine: EngineName }
  /** The signal was aborted; nothing was written. */
  | { ended: "interrupted" };

/** What {@link recalibrate} takes. */
export interface RecalibrateOptions {
  /** Path of the new checkpoint; must differ from the one that is read. */
  output: string;
  /** Number of worker processes on this machine. Default: this process computes */
  workers?: number;
  /** How long to wait for the workers, in milliseconds. Default: 600,000 */
  workerWaitMs?: number;
  /** Default: the checkpoint's own engine, or `"wasm"` if that is not installed */
  engine?: EngineName;
  /** Threads of the engine in each process; with wasm, only if this process computes. */
  threads?: number;
  /** When aborted, the computation ends and nothing is written. */
  signal?: AbortSignal;
  /** Called with every event. */
  onEvent?: (event: ReportedEvent) => void;
  /** Called with warnings, each a sentence. */
  onWarning?: (sentence: string) => void;
}

/**
 * Computes the population statistics of the whole training set for a checkpoint's weights, and writes a checkpoint with these
 * statistics instead of the moving average. Weights, slots and step are unchanged, so a run can resume from it.
 * @param checkpoint path of a checkpoint, which is not changed
 * @param data the data that it was trained on, with the same number of samples held out
 * @throws TandemError if the checkpoint cannot be read, has no batch-norm layers, or was trained on other data
 */
export async function recalibrate(
  checkpoint: string,
  data: DataSource,
  options: RecalibrateOptions,
): Promise<Recalibration> {
  const { output, workers: count, engine, threads, signal, onEvent, onWarning } = options;
  const workerWaitMs = options.workerWaitMs ?? DEFAULT_WAIT_MS;
  try {
    return await recalibrateCheckpoint({
      ...{ checkpoint, output, engine, threads, signal },
      loadData: () => Promise.resolve(data),
      workforce: recalibrationWorkforce(count, workerWaitMs),
      warn: (sentence) => onWarning?.(sentence),
      observe: (events) => {
        if (onEvent) events.add(createReporter("onEvent", onEvent));
      },
    });
  } catch (error) {
    throw toLibraryError(error);
  }
}

/** @param count worker processes; undefined: this process */
export function recalibrationWorkforce(count: number | undefined, workerWaitMs: number): Workforce {
  if (count === undefined) return { kind: "in-process" };
  const own = { token: createToken(), coordinatorComputes: false, verify: 0 };
  return { kind: "processes", count, workerWaitMs, ...own };
}

/** @throws TandemError with exit code 2 if the request is invalid, and 1 if the computation fails */
export async function recalibrateCheckpoint(request: RecalibrationRequest): Promise<Recalibration> {
  const { checkpoint: file, output, inputs = [] } = request;
  checkOutputs({
    ...{ output, summaryDir: undefined, logFile: undefined, resume: undefined },
    inputs: [{ what: "the checkpoint that is read", path: file }, ...inputs],
  });
  const lock = claimOutput(output, request.warn);
  try {
    return await executeRecalibration(request, readCheckpoint(file));
  } finally {
    lock.release();
  }
}

async function executeRecalibration(
  request: RecalibrationRequest,
  checkpoint: Checkpoint,
): Promise<Recalibration> {
  const { output, workforce, signal = new AbortController().signal } = request;
  const plan = await planOf(request, checkpoint);
  const events = new Events();
  request.observe(events);
  let workers: LocalWorkers | undefined;
  try {
    const parts = openWorkforce(workforce, request);
    workers = parts.workers;
    const outcome = await runRecalibration({ ...plan, ...parts }, events, signal);
    if (outcome.ended === "interrupted") return outcome;
    const { step } = checkpoint;
    return { ...outcome, path: output, step, engine: plan.config.engine.name };
  } finally {
    await workers?.end();
    await events.close();
  }
}

type OwnPlan = Omit<RecalibrationPlan, "computesHere" | "pool" | "server" | "onListening">;

async function planOf(request: RecalibrationRequest, checkpoint: Checkpoint): Promise<OwnPlan> {
  const { checkpoint: file, workforce, threads, output } = request;
  const data = await request.loadData(checkpoint.config);
  const spec = engineOf(request, checkpoint);
  const config: RunConfig = { ...checkpoint.config, population: "exact", engine: spec };
  const layout = layoutOfRun(config);
  if (layout.populationPasses.length === 0) {
    throw new TandemError(
      "usage",
      `${file} has no batch-norm layers that are trained, so there are no statistics to compute.`,
    );
  }
  checkData(file, checkpoint, data);
  checkRun({ config, data, computesHere: true, hasPort: workforce.kind !== "in-process" });
  checkThreads(config, threads, workforce);
  const engine = openEngine(spec, { threads });
  const numerics = numericsFingerprint(layout, engine);
  return {
    // Workers must have the same numerics as this machine.
    config: { ...config, numerics },
    ...{ checkpoint, engine, numerics, data, output },
    mixedNumerics: false,
    summaryDir: undefined,
    broadcast: "weights",
  };
}

function engineOf(
  { engine: requested, threads, warn }: RecalibrationRequest,
  { config }: Checkpoint,
): EngineSpec {
  const { engine, note } = chooseEvaluationEngine(config, requested);
  if (note !== undefined) warn(note);
  return engine.name === "tensorflow" && threads !== undefined ? { ...engine, threads } : engine;
}

/** The data must be the training set that the configuration names. */
function checkData(file: string, { config }: Checkpoint, data: DataSource): void {
  if (data.digest !== config.data.digest) {
    throw new TandemError(
      "data-mismatch",
      `${file} was not trained on this data. Give the data that it was trained on with --data.`,
    );
  }
  if (data.validation.count !== config.validationSize) {
    throw new TandemError(
      "data-mismatch",
      `${file} was trained with ${config.validationSize} samples held out, but the data has ${data.validation.count}. Hold out the same number.`,
    );
  }
}
