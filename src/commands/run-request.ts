// From a command's options to a request for a run.
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { readNetworkFile } from "../run/network-file.js";
import { dataFiles } from "../run/output-files.js";
import type { RunChoices } from "../run/run-choices.js";
import type { RunRequest } from "../run/run-request.js";
import { mnistFolder } from "../shared/data/files/mnist.js";
import { openData } from "../shared/data/files/open-data.js";
import { readKerasJson } from "../shared/network/keras-json.js";
import { PRESET_NAMES, type PresetName } from "../shared/network/presets.js";
import { givenOptions, type OutputOptions } from "./options.js";
import type { TrainingOptions } from "./training-options.js";

/** Everything but the workers and the observers. */
export type DescribedRun = Omit<RunRequest, "workforce" | "observe" | "signal" | "warn">;

/** @throws TandemError where the network's file cannot be read */
export function buildRequest(
  command: Command,
  options: TrainingOptions & OutputOptions,
): DescribedRun {
  const given = givenOptions(command, options);
  const dataFolder = options.data ?? mnistFolder();
  const { network, label, labelKind, pictureSize } = given;
  const choices = choicesIn(given);
  const spec = choices.network;
  const isFile = network !== undefined && !isPreset(network);
  return {
    choices,
    recipe: options.recipe,
    steps: given.steps,
    loadData: (resumed) =>
      openData(options.data, {
        validationSize: given.validationSize ?? resumed?.validationSize,
        known: resumed,
        ...{ label, labelKind, pictureSize },
        inputShape: typeof spec === "object" ? spec.inputShape : undefined,
      }),
    closesData: true,
    dataName: `The data in ${dataFolder}`,
    ...startingPoint(options),
    evalEvery: options.evalEvery,
    checkpointEvery: options.checkpointEvery,
    mixedNumerics: options.mixedNumerics,
    broadcast: options.broadcast,
    output: options.output,
    summaryDir: options.summaryDir,
    logFile: options.logFile,
    inputs: [...dataFiles(dataFolder), ...(isFile ? [{ what: "--network", path: network }] : [])],
  };
}

/**
 * Where the run starts. With --auto-resume its own checkpoint comes first: once there is one, the run has started, from
 * --initial or --resume where these are given.
 */
function startingPoint({ autoResume, output, resume, initial }: TrainingOptions) {
  return autoResume === true && existsSync(output)
    ? { resume: output, initial: undefined }
    : { resume, initial };
}

/** What the user gave of the configuration; the rest is left to src/run. */
function choicesIn(given: Partial<TrainingOptions>): RunChoices {
  const { seed, batchSize, shards, population, engine, threads } = given;
  const { network, loss, labelSmoothing } = given;
  const { batchNorm, optimizer, learningRate, schedule, warmup } = given;
  const { momentum, beta1, beta2, rho, epsilon, weightDecay, clipNorm } = given;
  return withoutUndefined({
    ...{ seed, batchSize, shards, population, engine, threads, loss, labelSmoothing },
    delta: given.huberDelta,
    augmentation: given.augment,
    ...{ batchNorm, optimizer, learningRate, schedule, warmup },
    ...{ momentum, beta1, beta2, rho, epsilon, weightDecay, clipNorm },
    network: network === undefined ? undefined : readNetwork(network),
  });
}

function readNetwork(network: string): NonNullable<RunChoices["network"]> {
  return isPreset(network) ? network : readKerasJson(readNetworkFile(network, "--network"));
}

function isPreset(network: string): network is PresetName {
  return PRESET_NAMES.some((name) => name === network);
}

function withoutUndefined<T extends object>(
  values: T,
): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof T]?: Exclude<T[Key], undefined> };
}
