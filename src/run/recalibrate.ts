// A checkpoint's weights with the population statistics of its whole training set, in a new checkpoint.
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
import { evaluationEngine } from "./evaluation-engine.js";
import { inLibraryTerms } from "./option-names.js";
import { checkOutputs, takeOutput } from "./output-files.js";
import { makeToken } from "./port-access.js";
import { checkThreads } from "./prepare-run.js";
import type { RunRequest, Workforce } from "./run-request.js";
import { reporter } from "./train-options.js";
import { openWorkforce } from "./workforce.js";

const DEFAULT_WAIT_MS = 600_000;

export interface RecalibrationRequest extends Pick<
  RunRequest,
  "workforce" | "output" | "inputs" | "warn" | "observe" | "signal" | "onWorkers"
> {
  checkpoint: string;
  loadData: (config: RunConfig) => Promise<DataSource>;
  /** Default: the checkpoint's own, where it is installed */
  engine?: EngineName | undefined;
  /** Default: those of the checkpoint's engine */
  threads?: number | undefined;
}

/** How {@link recalibrate} ended. */
export type Recalibration =
  /** The new checkpoint is at `path`; its statistics are those of so many `samples`. */
  | { ended: "finished"; path: string; samples: number; step: number; engine: EngineName }
  /** By the signal; nothing was written. */
  | { ended: "interrupted" };

/** What {@link recalibrate} takes. */
export interface RecalibrateOptions {
  /** The new checkpoint; not the one that is read. */
  output: string;
  /** Number of worker processes on this machine. Without it this process computes. */
  workers?: number;
  /** How long to wait for the workers, in milliseconds. Default: 600,000 */
  workerWaitMs?: number;
  /** What computes. Default: the checkpoint's own engine, and where that is not installed, `"wasm"` */
  engine?: EngineName;
  /** Of the engine, in each process; with wasm only where this process computes. */
  threads?: number;
  /** Aborted: it ends, and nothing is written. */
  signal?: AbortSignal;
  /** Called with every event. */
  onEvent?: (event: ReportedEvent) => void;
  /** Called with sentences for people. */
  onWarning?: (sentence: string) => void;
}

/**
 * Computes the population statistics of the whole training set for a checkpoint's weights, and writes a checkpoint that has
 * them in the place of the moving average. Weights, slots and step stay, so a run can go on from it.
 * @param checkpoint a file; it stays as it is
 * @param data what it was trained on, with as many samples held out
 * @throws TandemError where the checkpoint cannot be read, has no batch-norm layers, or was trained on other data
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
        if (onEvent) events.add(reporter("onEvent", onEvent));
      },
    });
  } catch (error) {
    throw inLibraryTerms(error);
  }
}

/** @param count worker processes; undefined: this process */
export function recalibrationWorkforce(count: number | undefined, workerWaitMs: number): Workforce {
  if (count === undefined) return { kind: "in-process" };
  const own = { token: makeToken(), coordinatorComputes: false, verify: 0 };
  return { kind: "processes", count, workerWaitMs, ...own };
}

/** @throws TandemError with exit code 2 where the request cannot be met, and 1 where it fails */
export async function recalibrateCheckpoint(request: RecalibrationRequest): Promise<Recalibration> {
  const { checkpoint: file, output, inputs = [] } = request;
  checkOutputs({
    ...{ output, summaryDir: undefined, logFile: undefined, resume: undefined },
    inputs: [{ what: "the checkpoint that is read", path: file }, ...inputs],
  });
  const lock = takeOutput(output, request.warn);
  try {
    return await carryOut(request, readCheckpoint(file));
  } finally {
    lock.release();
  }
}

async function carryOut(
  request: RecalibrationRequest,
  checkpoint: Checkpoint,
): Promise<Recalibration> {
  const { output, workforce, signal = new AbortController().signal } = request;
  const plan = await planOf(request, checkpoint);
  const events = new Events();
  request.observe(events);
  let workers: LocalWorkers | undefined;
  try {
    const crew = openWorkforce(workforce, request);
    workers = crew.workers;
    const outcome = await runRecalibration({ ...plan, ...crew }, events, signal);
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
    // Workers have to compute what this machine does.
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
  const { engine, note } = evaluationEngine(config, requested);
  if (note !== undefined) warn(note);
  return engine.name === "tensorflow" && threads !== undefined ? { ...engine, threads } : engine;
}

/** The statistics are of the training set, and the configuration names it. */
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
