// A run as a program asks for it, and how that becomes a request.
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
import { checkToken, makeToken } from "./port-access.js";
import { RECIPE_NAMES, type RecipeName } from "./recipes.js";
import type { RunChoices } from "./run-choices.js";
import type { RunRequest, TlsIdentity, Workforce } from "./run-request.js";

/** What {@link train} takes. */
export interface TrainOptions {
  /**
   * What is trained: from `network(…)` or `readKerasJson(…)`, or a preset's name.
   * Default: that of `initial` or `resume`, else `"cnn"`
   */
  network?: NetworkSpec | PresetName;
  /** What it is trained on: from `data(…)`, `idx(…)`, `arrays(…)` or `source(…)`. */
  data: DataSource;
  /** From `adam(…)`, `adamw(…)`, `sgd(…)`, `momentum(…)` or `rmsprop(…)`. Default: `adam()` */
  optimizer?: OptimizerChoice;
  /** From `softmaxCrossEntropy()` and so on. Default: by the data and the network's output */
  loss?: LossChoice;
  /**
   * A named set of options, reported by the event `recipe`: optimizer, learning rate, loss, batch size, steps and so on.
   * Those that are given beside it replace its own, one by one. Default: none
   */
  recipe?: RecipeName;
  /** Samples in a step's global batch. Default: 50 */
  batchSize?: number;
  /** Steps of training in all, those before a `resume` included. Default: 10,000 */
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
   * How training images are varied, at most: shifted by so many pixels, mirrored, rotated by so many degrees, scaled by a factor
   * of 1 ± so much, covered by a square of so many pixels. Default: not at all
   */
  augmentation?: AugmentationSpec;
  /** Of the weights and of the order of the samples. Default: 0 */
  seed?: number;
  /** What computes: `"tensorflow"` is faster, `"wasm"` gives the same bits on every machine. Default: tensorflow where it is set up */
  engine?: EngineName;
  /**
   * Of the engine, in each process. With tensorflow they decide the last bits, and there is one number for all runs of a
   * process. With wasm they decide nothing, and are for runs that this process computes. Default: 1
   */
  threads?: number;
  /** Number of worker processes on this machine. Without it and `listen`, this process computes. */
  workers?: number;
  /** Where workers of other machines connect. */
  listen?: ListenOptions;
  /** How long the run waits for enough workers, in milliseconds. Default: 600,000 */
  workerWaitMs?: number;
  /**
   * This process is one of the `workers`, or of those that `listen` counts. With updates it saves a process the optimizer's
   * step. Default: false
   */
  coordinatorComputes?: boolean;
  /** Share of the shards that two workers compute, compared bit by bit, from 0 to 1. Default: 0 */
  verify?: number;
  /** The checkpoint. Default: `"checkpoint.safetensors"` in the current folder */
  output?: string;
  /** A checkpoint to go on from. What is given besides it must not contradict it. */
  resume?: string;
  /** Weights to start from: a checkpoint, or a Keras `model.json` with its weights beside it. */
  initial?: string;
  /** Steps between evaluations, 0: only at the end. Default: 100 */
  evalEvery?: number;
  /** Steps between checkpoints, 0: only at the end. Default: 1,000 */
  checkpointEvery?: number;
  /**
   * Machines whose results differ in the last bits may take part, and a `resume` may go on on one. The checkpoint is marked,
   * and may not be the one that the configuration stands for. Default: false
   */
  mixedNumerics?: boolean;
  /** What each worker is sent after a step. Default: `"weights"` */
  broadcast?: BroadcastKind;
  /** A folder for TensorBoard's event files and the run's log. Default: none are written */
  summaryDir?: string;
  /** Aborted: the run ends after the step in progress, with a checkpoint. */
  signal?: AbortSignal;
  /** Called with each event, before an iterator gets it. What it throws is reported as an event. */
  onEvent?: (event: ReportedEvent) => void;
  /** Called with sentences for people about this machine, such as on a worker process that does not start. */
  onWarning?: (sentence: string) => void;
}

/** Where a run listens for workers. */
export interface ListenOptions {
  /** Default: `"127.0.0.1"` */
  host?: string;
  /** 0: a free one; the event `listening` has it. Default: 7711 */
  port?: number;
  /** Workers must show the same; at least 16 characters where other machines can reach the port. */
  token?: string;
  /** Certificate and key in PEM. */
  tls?: TlsIdentity;
  /** Listen beyond this machine without a token. Default: false */
  insecure?: boolean;
  /** Workers that the run needs to go on. Default: 1 */
  minWorkers?: number;
}

const DEFAULT_OUTPUT = "checkpoint.safetensors";
const DEFAULT_PORT = 7711;
const DEFAULT_WAIT_MS = 600_000;
const MAX_WORKERS = 1024;
const MAX_PORT = 65_535;

/**
 * @param onEvent what the run reports
 * @throws TandemError `usage` where options cannot be
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
      if (options.onEvent) events.add(reporter("onEvent", options.onEvent));
      events.add(reporter("an iterator of events", onEvent));
    },
    signal: options.signal,
  };
}

/** An observer of what is reported; tried again with the next event after it has failed. */
export function reporter(name: string, report: (event: ReportedEvent) => void): EventSink {
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
    return { kind: "processes", count: workers, token: makeToken(), ...request };
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

/** Those of the configuration are checked with it. */
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
