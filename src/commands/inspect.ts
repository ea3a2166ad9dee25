import type { Command } from "commander";
import { describeEngine } from "../coordinator/observe/run-description.js";
import { mixedNumericsText } from "../coordinator/observe/sinks/narration.js";
import { shortNumber } from "../coordinator/observe/number-text.js";
import {
  type CheckpointSummary,
  inspectCheckpoint,
  type StepRange,
  tensorBytes,
} from "../shared/checkpoint/checkpoint.js";
import type { RunConfig } from "../shared/config.js";
import { augmentationText } from "../shared/data/augmentation.js";
import { buildNetwork } from "../shared/network/build.js";
import { type Layer, type Network, sizeOf } from "../shared/network/network.js";
import { addJsonOption } from "./options.js";

type Row = readonly string[];

export function inspectCommand(program: Command, exitWith: (code: number) => void): void {
  const command = program
    .command("inspect")
    .description("shows what a checkpoint holds: step, configuration, network, tensors")
    .argument("<checkpoint>", "a .safetensors file that a run wrote");
  addJsonOption(command);
  command.action((file: string, options: { json?: boolean }) => {
    const summary = inspectCheckpoint(file);
    const text = options.json ? jsonOf(file, summary) : textOf(summary);
    process.stdout.write(`${text}\n`);
    exitWith(0);
  });
}

function jsonOf(path: string, summary: CheckpointSummary) {
  const { step, config, tensors, suspectSteps = [], mixedSince } = summary;
  const shapes = tensors.map(({ name, shape }) => ({ name, dtype: "float32", shape }));
  const suspect = suspectSteps.length === 0 ? {} : { suspectSteps };
  const mixed = mixedSince === undefined ? {} : { mixedSince };
  const marks = { ...suspect, ...mixed };
  return JSON.stringify({ event: "inspected", path, step, config, tensors: shapes, ...marks });
}

function textOf(summary: CheckpointSummary): string {
  const { step, config, tensors, suspectSteps = [], mixedSince } = summary;
  const network = buildNetwork(config.network);
  const parameterCount = network.parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return [
    `step ${step}`,
    ...(suspectSteps.length === 0 ? [] : [suspicion(suspectSteps)]),
    ...(mixedSince === undefined
      ? []
      : [`mixed numerics: ${mixedNumericsText({ since: mixedSince })}`]),
    ...table(settingRows(config)),
    "",
    `${network.layers.length} layers, ${parameterCount.toLocaleString("en")} parameters`,
    ...table([
      ["input", "", shapeText(network.inputShape)],
      ...network.layers.map((layer) => layerRow(network, layer)),
    ]),
    "",
    `${tensors.length} tensors of float32, ${(tensorBytes(tensors) / 1e6).toFixed(1)} MB`,
    ...table(tensors.map(({ name, shape }) => [name, shapeText(shape)])),
  ].join("\n");
}

function settingRows(config: RunConfig): Row[] {
  const { loss, optimizer, learningRate, schedule, augmentation, data, initialDigest } = config;
  const { seed, batchSize, shards, population = "ema", engine, numerics, validationSize } = config;
  const target =
    data.target.kind === "classes" ? `${data.target.count} classes` : `${data.target.count} values`;
  return [
    ["loss", describe(loss)],
    ["optimizer", describe(optimizer)],
    ["learning rate", shortNumber(learningRate)],
    ["schedule", describe(schedule)],
    ["seed", `${seed}`],
    ["batch size", `${batchSize}`],
    ["shards", `${shards}`],
    ["batch norm", config.batchNorm ?? "ghost"],
    ["population", population],
    ...(augmentation === undefined ? [] : [["augmentation", augmentationText(augmentation)]]),
    ["engine", describeEngine(engine)],
    ["numerics", numerics],
    ["validation size", `${validationSize}`],
    ["data", `${data.inputType}, ${target}, SHA-256 ${data.digest}`],
    ...(initialDigest === undefined ? [] : [["initial weights", `SHA-256 ${initialDigest}`]]),
  ];
}

/** `adam, beta1 0.9, beta2 0.999` */
function describe({ kind, ...numbers }: { kind: string } & Record<string, unknown>): string {
  const texts = Object.entries(numbers).map(([name, value]) => `${name} ${String(value)}`);
  return [kind, ...texts].join(", ");
}

function layerRow({ parameters, layers }: Network, layer: Layer): Row {
  const own = parameters.filter(({ name }) => name.slice(0, name.lastIndexOf("/")) === layer.name);
  const count = own.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const { kind } = layer.layer;
  const what = layer.layer.kind === "activation" ? layer.layer.activation : kind;
  const previous = layers[layers.indexOf(layer) - 1]?.name ?? "input";
  const isChained = layer.inputs.length === 1 && layer.inputs[0] === previous;
  return [
    layer.name,
    what,
    shapeText(layer.shape),
    count === 0 ? "" : count.toLocaleString("en"),
    isChained ? "" : `from ${layer.inputs.join(", ")}`,
    layer.trainable ? "" : "not trained",
  ];
}

function shapeText(shape: readonly number[]): string {
  return shape.join(" × ");
}

/** Columns as wide as their widest cell. */
function table(rows: readonly Row[]): string[] {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(cell.length, widest[column] ?? 0)),
    [],
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function suspicion(ranges: readonly StepRange[]): string {
  const steps = ranges.map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`));
  return `suspect steps: ${steps.join(", ")}. They used results of a worker that was later found to return wrong results, so this may not be the state that the configuration produces. To be sure, train again from an earlier checkpoint.`;
}
