// The parts of a run's configuration that users choose, by options or in code, and their defaults.
import {
  type EngineSpec,
  MAX_CLASS_NAME_LENGTH,
  MAX_CLASS_NAMES,
  type PopulationKind,
  type RunConfig,
  runConfigSchema,
} from "../shared/config.js";
import type { AugmentationSpec } from "../shared/data/augmentation.js";
import type { DataSource } from "../shared/data/samples.js";
import type { EngineName } from "../shared/engine/engine.js";
import { defaultEngine } from "../shared/engine/open-engine.js";
import { TandemError } from "../shared/errors.js";
import { buildNetwork } from "../shared/network/build.js";
import { formatShape } from "../shared/network/problem.js";
import { type PresetName, presetNetwork } from "../shared/network/presets.js";
import type { NetworkSpec } from "../shared/network/spec.js";
import type { BatchNormKind } from "../shared/statistics/barrier.js";
import { checkLoss, type LossChoice, resolveLoss } from "./losses.js";
import { DEFAULT_LEARNING_RATE, type OptimizerChoice, resolveOptimizer } from "./optimizers.js";
import { resolveSchedule } from "./schedules.js";

/** Everything except the data. Undefined: the user did not choose. */
export interface RunChoices extends OptimizerChoice, LossChoice {
  network?: NetworkSpec | PresetName;
  seed?: number;
  batchSize?: number;
  shards?: number;
  batchNorm?: BatchNormKind;
  population?: PopulationKind;
  augmentation?: AugmentationSpec;
  engine?: EngineName;
  /** Part of the configuration with the tensorflow engine only, where they affect the bits of the result. */
  threads?: number;
}

export const DEFAULTS = {
  network: "cnn",
  vectorNetwork: "sigmoid",
  steps: 10_000,
  batchSize: 50,
  seed: 0,
  threads: 1,
} as const;

/** Placeholder for the numerics fingerprint, which can only be computed from a checked configuration. */
const NOT_MEASURED = "0".repeat(64);

export interface ResolveContext {
  data: DataSource;
  steps: number;
  /** The number of workers. */
  defaultShards: number;
  /** The initial weights; their network is the default network. */
  initial?: { network: NetworkSpec } | undefined;
}

/**
 * Creates the configuration, without its numerics fingerprint and the digest of its initial weights.
 * @throws TandemError with exit code 2 if the choices do not match each other or the data
 */
export function resolveConfig(choices: RunChoices, context: ResolveContext): RunConfig {
  const { data, steps, defaultShards, initial } = context;
  const spec = resolveNetwork(choices.network ?? initial?.network ?? defaultNetwork(data), data);
  const network = buildNetwork(spec);
  const config: RunConfig = {
    network: network.spec,
    loss: resolveLoss(choices, network, data.target),
    optimizer: resolveOptimizer(choices),
    learningRate: choices.learningRate ?? DEFAULT_LEARNING_RATE,
    schedule: resolveSchedule(choices, steps),
    seed: choices.seed ?? DEFAULTS.seed,
    batchSize: choices.batchSize ?? DEFAULTS.batchSize,
    shards: choices.shards ?? defaultShards,
    ...(choices.batchNorm === "sync" ? { batchNorm: choices.batchNorm } : {}),
    ...resolvePopulation(choices),
    ...resolveAugmentation(choices, data),
    engine: resolveEngine(choices),
    numerics: NOT_MEASURED,
    validationSize: data.validation.count,
    data: {
      inputType: data.inputType,
      target: data.target,
      digest: data.digest,
      ...namesOfClasses(data),
      ...(data.table ? { table: data.table } : {}),
    },
  };
  checkLoss(network, config.loss, data.target);
  return parseConfig(config);
}

function resolveEngine({ engine = defaultEngine(), threads }: RunChoices): EngineSpec {
  if (engine === "wasm") return { name: engine };
  return { name: engine, threads: threads ?? DEFAULTS.threads };
}

/** The plain moving average is the default, and is left out of the configuration. */
function resolvePopulation({ population }: RunChoices): Pick<RunConfig, "population"> {
  return population === undefined || population === "ema" ? {} : { population };
}

function resolveAugmentation(
  { augmentation }: RunChoices,
  { inputShape }: DataSource,
): Pick<RunConfig, "augmentation"> {
  if (augmentation === undefined) return {};
  if (inputShape.length === 3) return { augmentation };
  throw new TandemError(
    "usage",
    `--augment varies images, but the data has samples of ${formatShape(inputShape)}. Omit it.`,
  );
}

/** Left out if the names are just the classes' numbers, or if they are too many or too long for the configuration. */
function namesOfClasses({ classNames }: DataSource): Pick<RunConfig["data"], "classNames"> {
  if (classNames === undefined || classNames.length > MAX_CLASS_NAMES) return {};
  if (classNames.every((name, index) => name === String(index))) return {};
  const areSuitable = classNames.every(
    ({ length }) => length >= 1 && length <= MAX_CLASS_NAME_LENGTH,
  );
  return areSuitable ? { classNames: [...classNames] } : {};
}

/** The convolutional network is for images only. */
function defaultNetwork({ inputShape }: DataSource): PresetName {
  return inputShape.length === 1 ? DEFAULTS.vectorNetwork : DEFAULTS.network;
}

/** Builds a preset's network for this data. */
export function resolveNetwork(
  network: NetworkSpec | PresetName,
  { inputShape, target }: Pick<DataSource, "inputShape" | "target">,
): NetworkSpec {
  if (typeof network !== "string") return network;
  return presetNetwork(network, inputShape, target.count);
}

function parseConfig(config: RunConfig): RunConfig {
  const result = runConfigSchema.safeParse(config);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new TandemError("usage", `${path.join(".")}: ${message}. Give another value.`);
}
