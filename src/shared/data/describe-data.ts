// Describes a data source in one line. Pure.
import { sanitizeText } from "../text.js";
import type { DataSource, TargetSpec } from "./samples.js";

const MAX_NAMES = 3;
const MAX_NAME_LENGTH = 24;

type Described = Pick<
  DataSource,
  "inputShape" | "target" | "classNames" | "training" | "validation" | "test"
>;

/**
 * `IDX images 28×28×1, 10 classes: 55,000 training, 5,000 validation, 10,000 test samples`
 * @param format of the files
 * @param split how the test set was chosen, if the data has none of its own
 */
export function describeData(format: string, data: Described, split?: string): string {
  const { inputShape, training, validation, test } = data;
  const counts = [
    `${number(training.count)} training`,
    `${number(validation.count)} validation`,
    `${number(test.count)} test samples`,
  ];
  const kind = `${format} ${shapeText(inputShape)}, ${targetText(data.target, data.classNames)}`;
  return `${kind}: ${counts.join(", ")}${split === undefined ? "" : ` (${split})`}`;
}

function shapeText(shape: readonly number[]): string {
  if (shape.length === 1) return `vectors of ${count(shape[0] ?? 0, "value")}`;
  return `${shape.length === 3 ? "images" : "arrays"} ${shape.join("×")}`;
}

function targetText(target: TargetSpec, names: readonly string[] = []): string {
  if (target.kind === "values") return count(target.count, "target value");
  const shown = names.slice(0, MAX_NAMES).map((name) => sanitizeText(name, MAX_NAME_LENGTH));
  const more = names.length > MAX_NAMES ? ", …" : "";
  return `${number(target.count)} classes${shown.length === 0 ? "" : ` (${shown.join(", ")}${more})`}`;
}

function count(value: number, noun: string): string {
  return `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
}

function number(value: number): string {
  return value.toLocaleString("en");
}
