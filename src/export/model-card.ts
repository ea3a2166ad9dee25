// A model card in Markdown (Mitchell et al., "Model Cards for Model Reporting", 2019) from what a checkpoint and its run's log
// contain: inputs and outputs, the training data, the results, and how to train the model again. Pure.
import { shortNumber } from "../coordinator/observe/number-text.js";
import type { CheckpointSummary } from "../shared/checkpoint/checkpoint.js";
import type { Metrics } from "../shared/evaluation.js";
import type { RunConfig } from "../shared/config.js";
import { buildNetwork } from "../shared/network/build.js";
import { sizeOf } from "../shared/network/network.js";
import { formatShape } from "../shared/network/problem.js";
import { escapeUnsafe, sanitizeText } from "../shared/text.js";
import type { ExportFormat } from "./export-format.js";
import type { RunCommand } from "./run-command.js";

/** The first line: an earlier card is recognized by it. */
export const CARD_MARK = "<!-- A model card by Tandem -->";

export interface CardPoint {
  step: number;
  testAccuracy?: number;
  testLoss: number;
}

export interface CardContent {
  checkpoint: Pick<CheckpointSummary, "config" | "step" | "suspectSteps" | "mixedSince" | "digest">;
  format: ExportFormat;
  command: RunCommand;
  /** On the test set, if the data was given. */
  evaluation?: { metrics: Metrics; confusion?: readonly (readonly number[])[] } | undefined;
  /** The run's test results, if its log was given. */
  curve?: readonly CardPoint[] | undefined;
}

const FORMAT_NAMES: Record<ExportFormat, string> = {
  "saved-model": "TensorFlow SavedModel",
  tfjs: "TensorFlow.js layers model",
  keras: "Keras file",
  onnx: "ONNX",
};

const MAX_CURVE_ROWS = 20;
/** Configurations have no longer names. */
const MAX_NAME_LENGTH = 1000;

export function modelCard(content: CardContent): string {
  return [
    CARD_MARK,
    "# Model card",
    "",
    ...modelSection(content),
    ...dataSection(content),
    ...columnSection(content),
    ...resultSection(content),
    ...curveSection(content),
    ...trainingSection(content),
    "",
  ].join("\n");
}

function modelSection({ checkpoint: { config, step, digest }, format }: CardContent): string[] {
  const network = buildNetwork(config.network);
  const count = network.parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const { target, classNames } = config.data;
  const input = formatShape(network.inputShape);
  const kinds = [...new Set(network.layers.map(({ layer }) => layer.kind))];
  const names = classNames?.map((name, index) => `${index} ${escape(name)}`).join(", ");
  return [
    ...rows([
      ["Format", FORMAT_NAMES[format]],
      ["Input", `${input}, ${inputText(config.data)}`],
      ["Output", outputText(content(target), config.loss.kind)],
      ...(names === undefined ? [] : [["Classes", names] as const]),
      [
        "Network",
        `${network.layers.length} layers (${kinds.join(", ")}), ${count.toLocaleString("en")} parameters`,
      ],
      ["Steps of training", String(step)],
      ["Checkpoint", digest === undefined ? "not saved" : `SHA-256 ${digest}`],
    ]),
  ];
}

function inputText({ inputType, table }: RunConfig["data"]): string {
  if (table) return "a row of a table, encoded as below";
  return inputType === "uint8" ? "pixels from 0 to 255" : "float32 values";
}

const content = ({ kind, count }: { kind: "classes" | "values"; count: number }) =>
  kind === "classes" ? `${count} classes` : `${count} ${count === 1 ? "value" : "values"}`;

function outputText(target: string, loss: string): string {
  return loss.endsWith("cross-entropy") ? `${target}, as probabilities` : target;
}

function dataSection({ checkpoint: { config } }: CardContent): string[] {
  return [
    "",
    "## Data",
    "",
    ...rows([
      ["Digest", `SHA-256 ${config.data.digest}`],
      ["Held out for validation", `${config.validationSize} training samples`],
    ]),
  ];
}

/** How a row becomes an input, column by column. */
function columnSection({ checkpoint: { config } }: CardContent): string[] {
  const { table } = config.data;
  if (!table) return [];
  const described = table.columns.map((column) => [
    escape(column.name),
    column.kind === "number"
      ? `(x − ${column.mean}) / ${column.scale}`
      : `1 for its own of ${column.categories.map((category) => `"${escape(category)}"`).join(", ")}; 0 for the others`,
  ]);
  return [
    "",
    "### Columns",
    "",
    `The inputs of a row, in this order. The label is ${escape(table.label)}.`,
    "",
    row(["column", "input"]),
    row(["---", "---"]),
    ...described.map(row),
  ];
}

function resultSection({ checkpoint, evaluation }: CardContent): string[] {
  if (!evaluation) {
    return ["", "## Results", "", "Not evaluated: no test set was given at the export."];
  }
  const { metrics, confusion } = evaluation;
  const { accuracy, loss, count } = metrics;
  const table = rows([
    ...(accuracy === undefined ? [] : [["Test accuracy", shortNumber(accuracy)] as const]),
    ["Test loss", shortNumber(loss)],
    ["Test samples", String(count)],
  ]);
  const names = checkpoint.config.data.classNames;
  return ["", "## Results", "", ...table, ...(confusion ? confusionTable(confusion, names) : [])];
}

function confusionTable(
  confusion: readonly (readonly number[])[],
  names: readonly string[] | undefined,
): string[] {
  const name = (index: number) => escape(names?.[index] ?? String(index));
  const header = ["true \\ predicted", ...confusion.map((_, index) => name(index))];
  return [
    "",
    "### Confusion matrix",
    "",
    row(header),
    row(header.map(() => "---:")),
    ...confusion.map((counts, index) => row([name(index), ...counts.map(String)])),
  ];
}

/** The first and the last evaluation, and some evenly spaced ones between them. */
function curveSection({ curve }: CardContent): string[] {
  if (!curve || curve.length === 0) return [];
  const hasAccuracy = curve.some(({ testAccuracy }) => testAccuracy !== undefined);
  const last = curve.length - 1;
  const shown = curve.filter((_, index) => {
    const place = Math.floor((index * (MAX_CURVE_ROWS - 1)) / Math.max(1, last));
    const before = Math.floor(((index - 1) * (MAX_CURVE_ROWS - 1)) / Math.max(1, last));
    return index === 0 || index === last || place !== before;
  });
  const header = ["step", ...(hasAccuracy ? ["test accuracy"] : []), "test loss"];
  return [
    "",
    "## Curve",
    "",
    row(header),
    row(header.map(() => "---:")),
    ...shown.map(({ step, testAccuracy, testLoss }) => {
      const accuracy = testAccuracy === undefined ? "" : shortNumber(testAccuracy);
      return row([String(step), ...(hasAccuracy ? [accuracy] : []), shortNumber(testLoss)]);
    }),
  ];
}

function trainingSection({ checkpoint, command }: CardContent): string[] {
  const { config, suspectSteps = [], mixedSince } = checkpoint;
  const warnings = [
    ...(suspectSteps.length === 0 ? [] : ["Some of its steps used results of a faulty worker."]),
    ...(mixedSince === undefined
      ? []
      : [`Machines of other numerics took part from step ${mixedSince} on.`]),
  ];
  return [
    "",
    "## Training again",
    "",
    ...warnings.flatMap((warning) => [warning, ""]),
    "```sh",
    command.line,
    "```",
    ...(command.notes.length === 0 ? [] : ["", ...command.notes.map((note) => `- ${note}`)]),
    "",
    "## Configuration",
    "",
    "```json",
    configurationText(config),
    "```",
  ];
}

function rows(entries: readonly (readonly [string, string])[]): string[] {
  return ["|  |  |", "| --- | --- |", ...entries.map(([name, value]) => row([name, value]))];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** Line by line, so that only characters within strings are escaped. */
function configurationText(config: RunConfig): string {
  const shown = { ...config, network: `${config.network.layers.length} layers` };
  return JSON.stringify(shown, undefined, 2).split("\n").map(escapeUnsafe).join("\n");
}

/** Names come from data: they must not end a table's cell, be read as Markdown or HTML, or reverse the text's direction. */
function escape(text: string): string {
  return sanitizeText(text, MAX_NAME_LENGTH).replaceAll(/[\\`*_{}[\]<>()#+!|~&-]/g, "\\$&");
}
