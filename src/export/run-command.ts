// A configuration → the command that trains it again. Pure.
import { describeRun } from "../coordinator/observe/run-description.js";
import type { RunConfig } from "../shared/config.js";
import { augmentationText } from "../shared/data/augmentation.js";
import { isPictureShape } from "../shared/data/files/pictures/picture-kinds.js";
import { PRESET_NAMES, type PresetName } from "../shared/network/presets.js";
import { escapeUnsafe, hasUnsafe } from "../shared/text.js";

export interface RunCommand {
  /** One line for a shell; capitals stand for what neither the configuration nor the files contain. */
  line: string;
  /** Explain the words in capitals. */
  notes: string[];
}

/** Files that are part of the command. */
export interface RunFiles {
  /** The network file, if the network is not a preset. */
  network: string;
  /**
   * The training data: `mnist` for the default data, a path with the kind of data found there, or undefined if it is not known.
   */
  data: "mnist" | { path: string; kind: string | undefined } | undefined;
}

/** @returns undefined if the network is not a preset */
export function presetOf(config: RunConfig): PresetName | undefined {
  return PRESET_NAMES.find((name) => name === describeRun(config).network);
}

/**
 * The command for one process. The number of shards is part of it, so any number of workers gives the same checkpoint.
 * @param step of the checkpoint
 */
export function runCommandOf(config: RunConfig, step: number, files: RunFiles): RunCommand {
  const notes: string[] = [];
  const { data } = files;
  if (data === undefined)
    notes.push(`DATA: the data whose digest is ${config.data.digest}.${sizeNote(config)}`);
  if (config.initialDigest !== undefined) {
    notes.push(`WEIGHTS: the initial weights, whose digest is ${config.initialDigest}.`);
  }
  const { engine, schedule, population, augmentation, batchNorm } = config;
  const steps = schedule.kind === "constant" ? step : schedule.steps;
  if (steps > step) {
    notes.push(`The checkpoint is that of step ${step}: --checkpoint-every ${step} keeps it.`);
  }
  const options: [name: string, value: string | number | undefined][] = [
    ["steps", steps],
    ["network", presetOf(config) ?? shellWord(files.network)],
    ...dataOptions(config, data),
    ...labelOptions(config),
    ["validation-size", config.validationSize],
    ["batch-size", config.batchSize],
    ["shards", config.shards],
    ["batch-norm", batchNorm],
    ["population", population],
    ["augment", augmentation && augmentationText(augmentation)],
    ["seed", config.seed],
    ["engine", engine.name],
    ["threads", engine.name === "tensorflow" ? engine.threads : undefined],
    ["initial", config.initialDigest === undefined ? undefined : "WEIGHTS"],
    ...lossOptions(config),
    ...optimizerOptions(config),
    ["schedule", schedule.kind],
    ["warmup", steps > 0 ? schedule.warmupSteps / steps : undefined],
  ];
  const words = options.flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name} ${value}`],
  );
  return { line: ["tandem single", ...words].join(" "), notes };
}

function dataOptions(config: RunConfig, data: RunFiles["data"]): [string, string][] {
  if (data === "mnist") return [];
  if (data === undefined) return [["data", "DATA"]];
  const size = config.network.inputShape.join("x");
  return [
    ["data", shellWord(data.path)],
    ...(data.kind === "pictures" ? [["picture-size", size] as [string, string]] : []),
  ];
}

/** The configuration does not say how the data is stored. */
function sizeNote({ network, data }: RunConfig): string {
  if (data.inputType !== "uint8" || !isPictureShape(network.inputShape)) return "";
  return ` If it is a folder of pictures, give --picture-size ${network.inputShape.join("x")} too.`;
}

function labelOptions({ data }: RunConfig): [string, string | undefined][] {
  if (!data.table) return [];
  return [
    ["label", quoteForShell(data.table.label)],
    ["label-kind", data.target.kind],
  ];
}

/** A path; quoted only if a shell would read it as something else. */
function shellWord(path: string): string {
  return /^[\w./@%+,:=-]+$/.test(path) ? path : quoteForShell(path);
}

/**
 * Quotes any text as one word. Characters that a document would hide or interpret are escaped, in bash's `$'…'` (bash manual,
 * "ANSI-C Quoting").
 */
function quoteForShell(text: string): string {
  if (!hasUnsafe(text)) return `'${text.replaceAll("'", String.raw`'\''`)}'`;
  return `$'${escapeUnsafe(text.replaceAll(/[\\']/g, String.raw`\$&`))}'`;
}

function lossOptions({ loss }: RunConfig): [string, string | number | undefined][] {
  return [
    ["loss", loss.kind],
    ["label-smoothing", "labelSmoothing" in loss ? loss.labelSmoothing : undefined],
    ["huber-delta", loss.kind === "huber" ? loss.delta : undefined],
  ];
}

function optimizerOptions({
  optimizer,
  learningRate,
}: RunConfig): [string, string | number | undefined][] {
  const { kind, weightDecay, clipNorm, ...numbers } = optimizer;
  const own = Object.entries(numbers).map(([name, value]): [string, number] => [name, value]);
  return [
    ["optimizer", kind],
    ["learning-rate", learningRate],
    ...own,
    ["weight-decay", weightDecay],
    ["clip-norm", clipNorm],
  ];
}
