// From a command's options to a request for a run.
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { readNetworkFile } from "../run/network-file.js";
import { dataFiles } from "../run/output-files.js";
import type { RunChoices } from "../run/run-choices.js";
import type { RunRequest } from "../run/run-request.js";
import { mnistFolder } from "../shared/data/files/mnist.js";
import { openData } from "../shared/data/files/open-data.js";
import { readKerasNetwork } from "../shared/network/keras-json.js";
import { checkPixelLayer } from "../shared/network/keras/rescaling.js";
import { PRESET_NAMES, type PresetName } from "../shared/network/presets.js";
import { givenOptions, type OutputOptions } from "./options.js";
import type { TrainingOptions } from "./training-options.js";

/** Everything but the workers and the observers. */
export type DescribedRun = Omit<RunRequest, "workforce" | "observe" | "signal" | "warn">;

/** @throws TandemError if the network's file cannot be read */
export function buildRequest(
  command: Command,
  options: TrainingOptions & OutputOptions,
): DescribedRun {
  const given = givenOptions(command, options);
  const dataFolder = options.data ?? mnistFolder();
  const { network, label, labelKind, pictureSize } = given;
  const { network: spec, pixelLayer } = readNetwork(network);
  const isFile = network !== undefined && !isPreset(network);
  return {
    choices: choicesIn(given, spec),
    recipe: options.recipe,
    steps: given.steps,
    loadData: async (resumed) => {
      const data = await openData(options.data, {
        validationSize: given.validationSize ?? resumed?.validationSize,
        known: resumed,
        ...{ label, labelKind, pictureSize },
        inputShape: typeof spec === "object" ? spec.inputShape : undefined,
      });
      checkPixelLayer(pixelLayer, data.inputType);
      return data;
    },
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
function choicesIn(
  given: Partial<TrainingOptions>,
  network: RunChoices["network"] | undefined,
): RunChoices {
  const { seed, batchSize, shards, population, engine, threads } = given;
  const { loss, labelSmoothing } = given;
  const { batchNorm, optimizer, learningRate, schedule, warmup } = given;
  const { momentum, beta1, beta2, rho, epsilon, weightDecay, clipNorm } = given;
  return withoutUndefined({
    ...{ seed, batchSize, shards, population, engine, threads, loss, labelSmoothing },
    delta: given.huberDelta,
    augmentation: given.augment,
    ...{ batchNorm, optimizer, learningRate, schedule, warmup },
    ...{ momentum, beta1, beta2, rho, epsilon, weightDecay, clipNorm },
    network,
  });
}

/** @param network a preset's name or a file */
function readNetwork(network: string | undefined): {
  network?: NonNullable<RunChoices["network"]>;
  /** Of a file: the layer that divides pixels by 255. */
  pixelLayer?: string | undefined;
} {
  if (network === undefined) return {};
  if (isPreset(network)) return { network };
  return readKerasNetwork(readNetworkFile(network, "--network"));
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
