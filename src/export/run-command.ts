// A configuration → the command that trains it again. Pure.
import { describeRun } from "../coordinator/observe/run-description.js";
import type { RunConfig } from "../shared/config.js";
import { augmentationText } from "../shared/data/augmentation.js";
import { isPictureShape } from "../shared/data/files/pictures/picture-kinds.js";
import { PRESET_NAMES } from "../shared/network/presets.js";

export interface RunCommand {
  /** One line for a shell; in capitals what the configuration does not hold. */
  line: string;
  /** What these stand for. */
  notes: string[];
}

/**
 * The command for one process; its shards are the configuration's, so any number of workers ends in the same checkpoint.
 * @param step behind the checkpoint
 * @param isMnist whether the data is what runs are trained on that name none
 */
export function runCommandOf(config: RunConfig, step: number, isMnist: boolean): RunCommand {
  const notes: string[] = [];
  const preset = PRESET_NAMES.find((name) => name === describeRun(config).network);
  if (preset === undefined) notes.push("NETWORK.json: the file that describes the network.");
  if (!isMnist)
    notes.push(`DATA: the data whose digest is ${config.data.digest}.${sizeNote(config)}`);
  if (config.initialDigest !== undefined) {
    notes.push(`WEIGHTS: the weights to start from, whose digest is ${config.initialDigest}.`);
  }
  const { engine, schedule, population, augmentation, batchNorm } = config;
  const steps = schedule.kind === "constant" ? step : schedule.steps;
  if (steps > step) {
    notes.push(`The checkpoint is that of step ${step}, as --checkpoint-every ${step} keeps one.`);
  }
  const options: [name: string, value: string | number | undefined][] = [
    ["steps", steps],
    ["network", preset ?? "NETWORK.json"],
    ["data", isMnist ? undefined : "DATA"],
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

/** What the data is stored as is not in the configuration. */
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

/** As one word, whatever is in it; without control characters, which a document would not show. */
function quoteForShell(text: string): string {
  return `'${text.replaceAll(/\p{Cc}/gu, " ").replaceAll("'", String.raw`'\''`)}'`;
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
