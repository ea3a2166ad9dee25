// Checks that the options of a resumed run do not contradict its checkpoint.
import type { Checkpoint } from "../shared/checkpoint/checkpoint.js";
import type { RunConfig } from "../shared/config.js";
import { type AugmentationSpec, augmentationText } from "../shared/data/augmentation.js";
import type { DataSource } from "../shared/data/samples.js";
import { TandemError } from "../shared/errors.js";
import { networkText } from "../shared/network/schema.js";
import { DEFAULTS, resolveNetwork, type RunChoices } from "./run-choices.js";
import { resolveSchedule } from "./schedules.js";

/** The choices that are compared, with their options' names. */
const OPTIONS = {
  seed: "--seed",
  batchSize: "--batch-size",
  shards: "--shards",
  batchNorm: "--batch-norm",
  population: "--population",
  engine: "--engine",
  threads: "--threads",
  learningRate: "--learning-rate",
  schedule: "--schedule",
  optimizer: "--optimizer",
  momentum: "--momentum",
  beta1: "--beta1",
  beta2: "--beta2",
  rho: "--rho",
  epsilon: "--epsilon",
  weightDecay: "--weight-decay",
  clipNorm: "--clip-norm",
  loss: "--loss",
  labelSmoothing: "--label-smoothing",
  delta: "--huber-delta",
} as const satisfies Partial<Record<keyof RunChoices, string>>;

type Option = keyof typeof OPTIONS;

/**
 * @param file for messages
 * @throws TandemError `resume-contradiction`, naming the option
 */
export function checkChoices(file: string, { config }: Checkpoint, choices: RunChoices): void {
  const saved = choicesOf(config, choices);
  for (const option of Object.keys(OPTIONS) as Option[]) {
    if (option === "threads" && config.engine.name === "wasm") continue;
    const [given, own] = [choices[option], saved[option]];
    if (given !== undefined && given !== own) {
      throw contradiction(`${OPTIONS[option]} ${given}`, file, own);
    }
  }
  if (choices.network !== undefined) checkNetwork(file, config, choices.network);
  if (choices.augmentation !== undefined) checkAugmentation(file, config, choices.augmentation);
}

/**
 * Returns the total number of steps of the resumed run.
 * @param given undefined: the user did not say
 * @throws TandemError `resume-contradiction`
 */
export function resumedSteps(
  file: string,
  { config, step }: Checkpoint,
  given: number | undefined,
  { warmup }: RunChoices,
): number {
  const { schedule } = config;
  const ofSchedule = schedule.kind === "constant" ? undefined : schedule.steps;
  const steps = given ?? ofSchedule ?? DEFAULTS.steps;
  if (ofSchedule !== undefined && steps !== ofSchedule) {
    throw new TandemError(
      "resume-contradiction",
      `--steps ${steps} contradicts ${file}, whose ${schedule.kind} schedule is for ${ofSchedule} steps. Omit the option, or start afresh without --resume.`,
    );
  }
  if (step > steps) {
    throw new TandemError(
      "resume-contradiction",
      `--steps ${steps}: the checkpoint ${file} has already been trained for ${step} steps. Give more --steps.`,
    );
  }
  const { warmupSteps } = schedule;
  if (warmup !== undefined) {
    const own = resolveSchedule({ schedule: schedule.kind, warmup }, steps).warmupSteps;
    if (own !== warmupSteps) {
      throw contradiction(`--warmup ${warmup}`, file, `${warmupSteps} steps of warm-up`);
    }
  }
  return steps;
}

/** @param where the data is, for messages @throws TandemError `resume-contradiction` */
export function checkData(
  file: string,
  { config }: Checkpoint,
  data: DataSource,
  where: string,
): void {
  if (data.digest !== config.data.digest) {
    throw new TandemError(
      "resume-contradiction",
      `${where} is not what ${file} was trained on. Give that data with --data.`,
    );
  }
  const { count } = data.validation;
  if (count !== config.validationSize) {
    throw contradiction(`--validation-size ${count}`, file, config.validationSize);
  }
}

/** Converts the configuration back to choices; `given` decides between two names for the same optimizer. */
function choicesOf({ optimizer, loss, ...config }: RunConfig, given: RunChoices): RunChoices {
  const { kind, ...numbers } = optimizer;
  const { kind: lossKind, ...lossNumbers } = loss;
  const { seed, batchSize, shards, engine, learningRate, schedule } = config;
  const { batchNorm = "ghost", population = "ema" } = config;
  const isAdamw = kind === "adam" && given.optimizer === "adamw" && optimizer.weightDecay > 0;
  return {
    ...{ seed, batchSize, shards, batchNorm, population, learningRate, schedule: schedule.kind },
    engine: engine.name,
    ...(engine.name === "tensorflow" ? { threads: engine.threads } : {}),
    ...(numbers as RunChoices),
    optimizer: isAdamw ? "adamw" : kind,
    ...lossNumbers,
    loss: lossKind,
  };
}

function checkNetwork(
  file: string,
  { network, data }: RunConfig,
  given: NonNullable<RunChoices["network"]>,
): void {
  const { inputShape } = network;
  const own = resolveNetwork(given, { inputShape, target: data.target });
  if (networkText(own) === networkText(network)) return;
  const what = typeof given === "string" ? `--network ${given}` : "--network";
  throw contradiction(what, file, "another network");
}

function checkAugmentation(
  file: string,
  { augmentation: own }: RunConfig,
  given: AugmentationSpec,
): void {
  const [text, ownText] = [augmentationText(given), own && augmentationText(own)];
  if (text !== ownText) throw contradiction(`--augment ${text}`, file, ownText);
}

function contradiction(
  what: string,
  file: string,
  saved: string | number | undefined,
): TandemError {
  return new TandemError(
    "resume-contradiction",
    `${what} contradicts ${file}, which was trained with ${saved ?? "none"}. Omit the option, or start afresh without --resume.`,
  );
}
