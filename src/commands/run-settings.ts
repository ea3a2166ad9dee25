// From options to a run that can begin: everything that can be wrong is found here, before anything is started or written.
import type { Command } from "commander";
import { type Checkpoint, readCheckpoint } from "../shared/checkpoint/checkpoint.js";
import { dataConfig, type RunConfig, runConfigSchema } from "../shared/config.js";
import { type Dataset, loadDataset, mnistFolder } from "../shared/data/dataset.js";
import { TandemError } from "../shared/errors.js";
import { checkMemory } from "./memory-check.js";
import { isGiven, type TrainingOptions } from "./options.js";
import { checkOutputs, makeSummaryFolder, takeOutput } from "./output-files.js";

export interface RunSettings {
  config: RunConfig;
  dataset: Dataset;
  options: TrainingOptions;
  resumeFrom: Checkpoint | undefined;
}

/** Options that belong to the configuration, and must not contradict a checkpoint that is resumed. */
const CONFIG_OPTIONS = {
  seed: "--seed",
  batchSize: "--batch-size",
  shards: "--shards",
  learningRate: "--learning-rate",
  threads: "--threads",
  validationSize: "--validation-size",
} as const;

type ConfigOption = keyof typeof CONFIG_OPTIONS;

/**
 * The output is this process's own from here on.
 * @param defaultShards where neither --shards nor a checkpoint says otherwise
 * @throws TandemError with exit code 2, naming the option or file
 */
export function runSettings(
  command: Command,
  options: TrainingOptions & { logFile?: string },
  defaultShards: number,
): RunSettings {
  const dataFolder = options.data ?? mnistFolder();
  checkOutputs(options, dataFolder);
  // Before the checkpoint is read: it may be the output, and another run still writing it.
  takeOutput(options.output);
  const resumeFrom = options.resume === undefined ? undefined : readCheckpoint(options.resume);
  const numbers = configNumbers(command, options, defaultShards, resumeFrom);
  if (resumeFrom && resumeFrom.step > options.steps) {
    throw new TandemError(
      "resume-contradiction",
      `--steps ${options.steps}: the checkpoint ${options.resume} has ${resumeFrom.step} steps behind it already. Give more --steps.`,
    );
  }
  const dataset = loadDataset(dataFolder, numbers.validationSize);
  checkSizes(numbers, dataset);
  const config = runConfigSchema.parse({ model: "cnn", ...numbers, data: dataConfig(dataset) });
  if (resumeFrom && resumeFrom.config.data.digest !== config.data.digest) {
    throw new TandemError(
      "resume-contradiction",
      `The data in ${dataFolder} is not what ${options.resume} was trained on. Give that data with --data.`,
    );
  }
  // A coordinator's shards are computed by workers, which may be on other machines.
  checkMemory(config, command.name() !== "coordinator");
  makeSummaryFolder(options.summaryDir);
  return { config, dataset, options, resumeFrom };
}

function configNumbers(
  command: Command,
  options: TrainingOptions,
  defaultShards: number,
  resumeFrom: Checkpoint | undefined,
): Record<ConfigOption, number> {
  const numbers: Record<ConfigOption, number> = {
    seed: options.seed,
    batchSize: options.batchSize,
    shards: options.shards ?? defaultShards,
    learningRate: options.learningRate,
    threads: options.threads,
    validationSize: options.validationSize,
  };
  if (!resumeFrom) return numbers;
  for (const name of Object.keys(CONFIG_OPTIONS) as ConfigOption[]) {
    const saved = resumeFrom.config[name];
    if (isGiven(command, name) && numbers[name] !== saved) {
      throw new TandemError(
        "resume-contradiction",
        `${CONFIG_OPTIONS[name]} ${numbers[name]} contradicts ${options.resume}, which was trained with ${saved}. Leave the option out, or start afresh without --resume.`,
      );
    }
    numbers[name] = saved;
  }
  return numbers;
}

function checkSizes(numbers: Record<ConfigOption, number>, dataset: Dataset): void {
  const { shards, batchSize } = numbers;
  if (shards > batchSize) {
    throw new TandemError(
      "usage",
      `--shards ${shards} is more than the ${batchSize} samples of a batch. Give fewer shards or a larger --batch-size.`,
    );
  }
  if (batchSize > dataset.training.count) {
    throw new TandemError(
      "usage",
      `--batch-size ${batchSize} is more than the ${dataset.training.count} training samples. Give a smaller batch, or a smaller --validation-size.`,
    );
  }
}
