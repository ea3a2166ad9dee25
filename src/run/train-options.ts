// The options of the library's `train`, and their conversion to a run request.
import type { BroadcastKind, PopulationKind } from "../shared/config.js";
import type { AugmentationSpec } from "../shared/data/augmentation.js";
import type { DataSource } from "../shared/data/samples.js";
import type { EngineName } from "../shared/engine/engine.js";
import { TandemError } from "../shared/errors.js";
import type { EventSink } from "../shared/events.js";
import type { PresetName } from "../shared/network/presets.js";
import type { NetworkSpec } from "../shared/network/spec.js";
import { isReported, type ReportedEvent } from "../shared/run-event.js";
import type { BatchNormKind } from "../shared/statistics/barrier.js";
import type { LossChoice } from "./losses.js";
import type { OptimizerChoice } from "./optimizers.js";
import { checkToken, createToken } from "./port-access.js";
import { RECIPE_NAMES, type RecipeName } from "./recipes.js";
import type { RunChoices } from "./run-choices.js";
import type { RunRequest, TlsIdentity, Workforce } from "./run-request.js";

/** What {@link train} takes. */
export interface TrainOptions {
  /**
   * The network to train: from `network(…)` or `readKerasJson(…)`, or a preset's name.
   * Default: that of `initial` or `resume`, else `"cnn"`
   */
  network?: NetworkSpec | PresetName;
  /** The data to train on: from `data(…)`, `idx(…)`, `arrays(…)` or `source(…)`. */
  data: DataSource;
  /** From `adam(…)`, `adamw(…)`, `sgd(…)`, `momentum(…)` or `rmsprop(…)`. Default: `adam()` */
  optimizer?: OptimizerChoice;
  /** From `softmaxCrossEntropy()` and so on. Default: by the data and the network's output */
  loss?: LossChoice;
  /**
   * A named set of options, reported by the event `recipe`: optimizer, learning rate, loss, batch size, steps and so on.
   * Options that are also given individually override it. Default: none
   */
  recipe?: RecipeName;
  /** Samples in a step's global batch. Default: 50 */
  batchSize?: number;
  /** Total number of training steps, including those before a `resume`. Default: 10,000 */
  steps?: number;
  /** Parts of a batch, each computed by one worker. Default: the number of workers */
  shards?: number;
  /**
   * What a batch is normalised with in training: `"ghost"`, each shard with its own moments, or `"sync"`, all with those of
   * the whole batch. Default: `"ghost"`
   */
  batchNorm?: BatchNormKind;
  /**
   * What inference normalises with: a moving average of the batches' statistics, `"ema"` from mean 0 and variance 1 on,
   * `"ema-corrected"` without a bias towards these; or `"exact"`, the statistics of the whole training set, computed when the
   * training is over. Default: `"ema"`
   */
  population?: PopulationKind;
  /**
   * How much training images are varied at most: shift in pixels, mirroring, rotation in degrees, scaling by a factor of 1 ± scale,
   * a cutout square in pixels. Default: not at all
   */
  augmentation?: AugmentationSpec;
  /** Seed of the initial weights and of the order of the samples. Default: 0 */
  seed?: number;
  /** `"tensorflow"` is faster, `"wasm"` gives the same bits on every machine. Default: tensorflow if it is installed */
  engine?: EngineName;
  /**
   * Threads of the engine in each process. With tensorflow, they affect the last bits of the result, and all runs of a process must
   * use the same number. With wasm, they do not affect the result, and only runs that this process computes may use more than one.
   * Default: 1
   */
  threads?: number;
  /** Number of worker processes on this machine. Without it and `listen`, this process computes. */
  workers?: number;
  /** The port for workers on other machines. */
  listen?: ListenOptions;
  /** How long the run waits for enough workers, in milliseconds. Default: 600,000 */
  workerWaitMs?: number;
  /**
   * This process is one of the `workers`, or of the `listen.minWorkers`. With `broadcast: "updates"`, one process less has to
   * compute the optimizer's step. Default: false
   */
  coordinatorComputes?: boolean;
  /** Share of the shards that two workers compute, compared bit by bit, from 0 to 1. Default: 0 */
  verify?: number;
  /** Path of the checkpoint. Default: `"checkpoint.safetensors"` in the current folder */
  output?: string;
  /** Path of a checkpoint to resume from. Other options must not contradict it. */
  resume?: string;
  /** Path of the initial weights: a checkpoint, or a Keras `model.json` with its weight files. */
  initial?: string;
  /** Steps between evaluations, 0: only at the end. Default: 100 */
  evalEvery?: number;
  /** Steps between checkpoints, 0: only at the end. Default: 1,000 */
  checkpointEvery?: number;
  /**
   * Machines whose results differ in the last bits may take part, and may `resume` the run. The checkpoint is then marked, and may
   * differ from the one that the configuration determines. Default: false
   */
  mixedNumerics?: boolean;
  /** What each worker is sent after a step. Default: `"weights"` */
  broadcast?: BroadcastKind;
  /** Folder for TensorBoard's event files and the run's log. Default: neither is written */
  summaryDir?: string;
  /** When aborted, the run ends after the step in progress, with a checkpoint. */
  signal?: AbortSignal;
  /** Called with each event, before the iterator gets it. Errors that it throws are reported as events. */
  onEvent?: (event: ReportedEvent) => void;
  /** Called with warnings about this machine, each a sentence, such as when a worker process does not start. */
  onWarning?: (sentence: string) => void;
}

/** Where a run listens for workers. */
export interface ListenOptions {
  /** Default: `"127.0.0.1"` */
  host?: string;
  /** 0: any free port, reported by the event `listening`. Default: 7711 */
  port?: number;
  /** Workers must present this token; at least 16 characters if other machines can reach the port. */
  token?: string;
  /** Certificate and key in PEM. */
  tls?: TlsIdentity;
  /** Listen beyond this machine without a token. Default: false */
  insecure?: boolean;
  /** Minimum number of workers; with fewer, the run pauses. Default: 1 */
  minWorkers?: number;
}

const DEFAULT_OUTPUT = "checkpoint.safetensors";
const DEFAULT_PORT = 7711;
export const DEFAULT_WAIT_MS = 600_000;
const MAX_WORKERS = 1024;
const MAX_PORT = 65_535;

/**
 * @param onEvent called with the run's events
 * @throws TandemError `usage` if an option is invalid
 */
export function requestOf(
  options: TrainOptions,
  onEvent: (event: ReportedEvent) => void,
): RunRequest {
  const { data } = options;
  checkNumbers(options);
  checkName("recipe", options.recipe, RECIPE_NAMES);
  return {
    choices: choicesOf(options),
    recipe: options.recipe,
    steps: options.steps,
    loadData: () => Promise.resolve(data),
    dataName: "The data",
    resume: options.resume,
    initial: options.initial,
    workforce: workforceOf(options),
    evalEvery: options.evalEvery,
    checkpointEvery: options.checkpointEvery,
    mixedNumerics: options.mixedNumerics,
    broadcast: options.broadcast,
    output: options.output ?? DEFAULT_OUTPUT,
    summaryDir: options.summaryDir,
    warn: (sentence) => options.onWarning?.(sentence),
    observe: (events) => {
      if (options.onEvent) events.add(createReporter("onEvent", options.onEvent));
      events.add(createReporter("an iterator of events", onEvent));
    },
    signal: options.signal,
  };
}

/** Creates a sink for reported events; after a failure, it is retried with the next event. */
export function createReporter(name: string, report: (event: ReportedEvent) => void): EventSink {
  return {
    name,
    retryMs: 0,
    handle: (event) => {
      if (isReported(event)) report(event);
    },
  };
}

function choicesOf(options: TrainOptions): RunChoices {
  const { network, seed, batchSize, shards, population, engine, threads } = options;
  const { batchNorm, augmentation, optimizer, loss } = options;
  return {
    ...(network === undefined ? {} : { network }),
    ...(seed === undefined ? {} : { seed }),
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(shards === undefined ? {} : { shards }),
    ...(batchNorm === undefined ? {} : { batchNorm }),
    ...(population === undefined ? {} : { population }),
    ...(augmentation === undefined ? {} : { augmentation }),
    ...(engine === undefined ? {} : { engine }),
    ...(threads === undefined ? {} : { threads }),
    ...optimizer,
    ...loss,
  };
}

function workforceOf(options: TrainOptions): Workforce {
  const { workers, listen, workerWaitMs = DEFAULT_WAIT_MS, verify = 0 } = options;
  const request = {
    workerWaitMs,
    verify,
    coordinatorComputes: options.coordinatorComputes === true,
  };
  if (workers !== undefined && listen !== undefined) {
    throw new TandemError(
      "usage",
      "workers and listen cannot be used together: a run either starts worker processes on this machine or lets workers connect. Give one of them.",
    );
  }
  if (workers !== undefined) {
    return { kind: "processes", count: workers, token: createToken(), ...request };
  }
  if (listen === undefined) return { kind: "in-process" };
  const { host = "127.0.0.1", port = DEFAULT_PORT, token, tls, minWorkers = 1 } = listen;
  return {
    kind: "listen",
    ...{ host, port, tls, minWorkers, ...request },
    token: token === undefined ? undefined : checkToken(token, "listen.token"),
    isInsecure: listen.insecure === true,
  };
}

/** Options of the configuration are checked by its schema. */
function checkNumbers(options: TrainOptions): void {
  const { listen = {} } = options;
  checkWhole("steps", options.steps, 0);
  checkWhole("evalEvery", options.evalEvery, 0);
  checkWhole("checkpointEvery", options.checkpointEvery, 0);
  checkWhole("workers", options.workers, 1, MAX_WORKERS);
  checkWhole("listen.minWorkers", listen.minWorkers, 1, MAX_WORKERS);
  checkWhole("listen.port", listen.port, 0, MAX_PORT);
  checkRange("workerWaitMs", options.workerWaitMs, Number.MAX_SAFE_INTEGER);
  checkRange("verify", options.verify, 1);
}

function checkWhole(name: string, value: number | undefined, min: number, max?: number): void {
  const limit = max ?? Number.MAX_SAFE_INTEGER;
  if (value === undefined) return;
  if (Number.isSafeInteger(value) && value >= min && value <= limit) return;
  const range = max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new TandemError("usage", `${name} ${value}: it must be a whole number ${range}.`);
}

function checkName(name: string, value: string | undefined, names: readonly string[]): void {
  if (value === undefined || names.includes(value)) return;
  throw new TandemError("usage", `${name} ${value}: it must be one of ${names.join(", ")}.`);
}

function checkRange(name: string, value: number | undefined, max: number): void {
  if (value === undefined || (value >= 0 && value <= max)) return;
  throw new TandemError("usage", `${name} ${value}: it must be a number from 0 to ${max}.`);
}
