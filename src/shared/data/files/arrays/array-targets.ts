// The targets in an array file: class numbers of any integer type, or floating-point values. Pure.
import { TandemError } from "../../../errors.js";
import { isAllFinite } from "../../../replica/finite.js";
import type { TargetSpec } from "../../samples.js";
import type { ArrayHeader } from "./array-header.js";
import { decodeFloats, decodeIntegers, targetKindOf, typeName } from "./value-type.js";

const MAX_CLASSES = 1_000_000;

/** The targets of one file. */
export type Targets =
  | { kind: "classes"; labels: Int32Array }
  /** `count` values per sample. */
  | { kind: "values"; count: number; values: Float32Array };

/**
 * @param file for messages
 * @param bytes the values
 * @throws TandemError `data-format`, `data-labels` or `data-values`, naming the number of the sample
 */
export function readTargets(file: string, header: ArrayHeader, bytes: Uint8Array): Targets {
  const { type, shape } = header;
  const [sampleCount = 0, size = 1] = shape;
  const kind = targetKindOf(type);
  if (kind === undefined) {
    throw unused(file, `targets of ${typeName(type)}. Convert them: y.astype("float32")`);
  }
  if (shape.length > 2 || size === 0) {
    throw unused(
      file,
      `targets of the shape [${shape.join(", ")}]. Class numbers have [n] or [n, 1], values [n] or [n, k]`,
    );
  }
  if (kind === "values") {
    const values = decodeFloats(type, bytes);
    if (!isAllFinite(values)) throw notFinite(file, values, size);
    return { kind, count: size, values };
  }
  if (size !== 1) {
    throw unused(
      file,
      `${size} integers for each of ${sampleCount} samples. Give class numbers, y.argmax(axis=1) of one-hot rows, or float32 for values`,
    );
  }
  return { kind, labels: toLabels(file, decodeIntegers(type, bytes)) };
}

function toLabels(file: string, wholes: ArrayLike<number>): Int32Array {
  const labels = new Int32Array(wholes.length);
  for (let index = 0; index < wholes.length; index++) {
    const label = wholes[index]!;
    if (label < 0 || label >= MAX_CLASSES) {
      throw new TandemError(
        "data-labels",
        `${file}: label ${label} (number ${index}) is out of range: labels are class numbers from 0 to ${MAX_CLASSES - 1} at most.`,
      );
    }
    labels[index] = label;
  }
  return labels;
}

/**
 * Classes are 0 … highest training label. A label far above the number of different labels is taken for damage, as it would only
 * add outputs that are never trained.
 */
export function countClasses(file: string, training: Int32Array): number {
  const distinct = new Set(training).size;
  const classCount = training.reduce((highest, label) => Math.max(highest, label), 0) + 1;
  if (classCount > 2 * distinct + 8) {
    throw new TandemError(
      "data-labels",
      `${file}: label ${classCount - 1} (number ${training.indexOf(classCount - 1)}) is out of range: only ${distinct} different labels occur. Labels are class numbers from 0 on.`,
    );
  }
  return classCount;
}

/** @throws TandemError if the test targets do not match the training targets */
export function checkTestTargets(file: string, test: Targets, target: TargetSpec): void {
  if (test.kind !== target.kind) {
    throw new TandemError(
      "data-mismatch",
      `${file}: its targets are ${test.kind === "values" ? "values" : "class numbers"}, but the training targets are ${target.kind === "values" ? "values" : "class numbers"}. Give both as the same type.`,
    );
  }
  if (test.kind === "values") {
    if (test.count === target.count) return;
    throw new TandemError(
      "data-mismatch",
      `${file}: it has ${test.count} values per sample, but the training targets have ${target.count}. Use files of the same data set.`,
    );
  }
  const position = test.labels.findIndex((label) => label >= target.count);
  if (position < 0) return;
  throw new TandemError(
    "data-labels",
    `${file}: label ${test.labels[position]} (number ${position}) is out of range; the training labels go from 0 to ${target.count - 1}.`,
  );
}

/** @param size values per sample @param firstValue position of the first of these values in the file */
export function notFinite(
  file: string,
  values: Float32Array,
  size: number,
  firstValue = 0,
): TandemError {
  const position = values.findIndex((value) => !Number.isFinite(value));
  const sample = Math.floor((firstValue + position) / size);
  return new TandemError(
    "data-values",
    `${file}: sample number ${sample} holds ${values[position]}, counted from 0. Remove NaN, infinities, and numbers beyond float32.`,
  );
}

function unused(file: string, sentence: string): TandemError {
  return new TandemError("data-format", `${file}: ${sentence}.`);
}
