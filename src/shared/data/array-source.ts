// Arrays in memory → a data source: for programs whose data is not in a file that Tandem can read. Checked once. Pure.
import { createHash, type Hash } from "node:crypto";
import { TandemError } from "../errors.js";
import { MAX_RANK, MAX_SAMPLE_VALUES } from "../network/limits.js";
import { sizeOf } from "../network/network.js";
import { isAllFinite } from "../replica/finite.js";
import {
  type DataSource,
  MemorySet,
  type Samples,
  sliceSamples,
  type TargetSpec,
} from "./samples.js";

/** Samples and their targets. */
export interface ArraySet {
  /** The samples one after the other, each in row-major order. Bytes stand for value/255. */
  inputs: Float32Array | Uint8Array;
  /** A class number for each sample, or its float32 values. */
  targets: Int32Array | Uint8Array | readonly number[] | Float32Array;
}

/** Options of `arrays`: the training samples, the test samples, and their shapes. */
export interface ArrayDataOptions extends ArraySet {
  /** Of one sample: [height, width, channels], or [features]. */
  inputShape: readonly number[];
  /** Number of classes; default: the highest training label plus one. Not for targets in a Float32Array. */
  classes?: number;
  /** Values per target in a Float32Array; default: its length divided by the number of samples. */
  targetSize?: number;
  /** The samples that the run is evaluated on. */
  test: ArraySet;
  /** The number of training samples, from the first on, that are held out. Default: 0 */
  validationSize?: number;
  /** Names of the classes, in order, to show with predictions. */
  classNames?: readonly string[];
}

const MAX_CLASSES = 1_000_000;

/**
 * Makes the arrays a data source. They are not copied, and must not be changed while a run uses them.
 * @throws TandemError `data-arrays`, naming the array and what is wrong with it
 */
export function arraySource(options: ArrayDataOptions): DataSource {
  const { inputShape, test, validationSize = 0, classNames } = options;
  checkShape(inputShape);
  if (test.inputs instanceof Float32Array !== options.inputs instanceof Float32Array) {
    refuse(
      "test.inputs: it is of another type than the training inputs. Give both as Float32Array or both as Uint8Array.",
    );
  }
  const isOfClasses = !(options.targets instanceof Float32Array);
  if (isOfClasses === test.targets instanceof Float32Array) {
    refuse(
      "test.targets: the training targets are of another kind. Give class numbers in both, or a Float32Array in both.",
    );
  }
  const trainingCount = countSamples("inputs", options, inputShape);
  const testCount = countSamples("test.inputs", test, inputShape);
  const target = isOfClasses ? classTarget(options) : valueTarget(options, trainingCount);
  const all = readSet("", options, trainingCount, target);
  const testSamples = readSet("test.", test, testCount, target);
  checkValidationSize(validationSize, trainingCount);
  if (classNames && (target.kind !== "classes" || classNames.length !== target.count)) {
    refuse(`classNames: it has ${classNames.length} names, but the data has ${describe(target)}.`);
  }
  return {
    inputShape: [...inputShape],
    inputType: options.inputs instanceof Float32Array ? "float32" : "uint8",
    target,
    training: new MemorySet(sliceSamples(all, validationSize, trainingCount)),
    validation: new MemorySet(sliceSamples(all, 0, validationSize)),
    test: new MemorySet(testSamples),
    digest: digestOf(inputShape, target, all, testSamples),
    ...(classNames ? { classNames: [...classNames] } : {}),
  };
}

function checkShape(shape: readonly number[]): void {
  const areSides = shape.every((side) => Number.isSafeInteger(side) && side >= 1);
  if (
    areSides &&
    shape.length >= 1 &&
    shape.length <= MAX_RANK &&
    sizeOf(shape) <= MAX_SAMPLE_VALUES
  ) {
    return;
  }
  refuse(
    `inputShape: [${shape.join(", ")}] is not a valid shape. Give one to ${MAX_RANK} integers above 0, such as [28, 28, 1].`,
  );
}

function countSamples(name: string, { inputs }: ArraySet, shape: readonly number[]): number {
  const size = sizeOf(shape);
  if (!(inputs instanceof Float32Array) && !(inputs instanceof Uint8Array)) {
    refuse(`${name}: it is neither a Float32Array nor a Uint8Array.`);
  }
  if (inputs.length === 0) refuse(`${name}: it holds no samples.`);
  if (inputs.length % size !== 0) {
    refuse(
      `${name}: its ${inputs.length} values are not a multiple of the ${size} values of a sample [${shape.join(", ")}].`,
    );
  }
  return inputs.length / size;
}

function classTarget({ targets, classes, targetSize }: ArrayDataOptions): TargetSpec {
  if (targetSize !== undefined) {
    refuse(
      "targetSize: it is for targets that are a Float32Array. Leave it out for class numbers.",
    );
  }
  const count = classes ?? highestOf(targets) + 1;
  if (Number.isSafeInteger(count) && count >= 1 && count <= MAX_CLASSES)
    return { kind: "classes", count };
  return refuse(
    classes === undefined
      ? `targets: the highest class number is ${count - 1}. Class numbers go from 0 to ${MAX_CLASSES - 1} at most.`
      : `classes: ${classes} is not a number of classes from 1 to ${MAX_CLASSES}.`,
  );
}

function highestOf(labels: Exclude<ArraySet["targets"], Float32Array> | Float32Array): number {
  let highest = 0;
  for (const label of labels) highest = Math.max(highest, label);
  return highest;
}

function valueTarget(
  { targets, targetSize, classes }: ArrayDataOptions,
  count: number,
): TargetSpec {
  if (classes !== undefined) {
    refuse(
      "classes: the targets are a Float32Array, which holds values. Give class numbers as an Int32Array or number[].",
    );
  }
  const size = targetSize ?? targets.length / count;
  if (Number.isSafeInteger(size) && size >= 1 && size * count === targets.length) {
    return { kind: "values", count: size };
  }
  return refuse(
    `targets: ${targets.length} values for ${count} samples${targetSize === undefined ? "" : ` of ${targetSize} each`}.`,
  );
}

function readSet(prefix: string, set: ArraySet, count: number, target: TargetSpec): Samples {
  const { inputs, targets } = set;
  if (inputs instanceof Float32Array && !isAllFinite(inputs)) {
    refuse(`${prefix}inputs: it holds a value that is not finite. Remove NaN and infinities.`);
  }
  const expected = target.kind === "classes" ? count : count * target.count;
  if (targets.length !== expected) {
    refuse(
      `${prefix}targets: ${targets.length} values for ${count} samples with ${describe(target)}.`,
    );
  }
  if (targets instanceof Float32Array) {
    if (!isAllFinite(targets)) refuse(`${prefix}targets: it holds a value that is not finite.`);
    return { count, inputs, targets };
  }
  return { count, inputs, targets: readLabels(`${prefix}targets`, targets, target.count) };
}

function readLabels(
  name: string,
  labels: Int32Array | Uint8Array | readonly number[],
  classCount: number,
): Int32Array {
  labels.forEach((label: number, index: number) => {
    if (Number.isSafeInteger(label) && label >= 0 && label < classCount) return;
    refuse(
      `${name}: ${label} (number ${index}) is not a class number from 0 to ${classCount - 1}.`,
    );
  });
  return labels instanceof Int32Array ? labels : Int32Array.from(labels);
}

function checkValidationSize(size: number, trainingCount: number): void {
  if (Number.isSafeInteger(size) && size >= 0 && size < trainingCount) return;
  refuse(
    `validationSize: ${size} of ${trainingCount} samples. Give an integer from 0 to ${trainingCount - 1}.`,
  );
}

/** Of shapes, types and bytes. */
function digestOf(shape: readonly number[], target: TargetSpec, ...sets: Samples[]): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify({ format: "tandem-arrays/1", shape, target }));
  for (const { count, inputs, targets } of sets) {
    hash.update(
      JSON.stringify({ count, type: inputs instanceof Float32Array ? "float32" : "uint8" }),
    );
    updateWith(hash, inputs);
    updateWith(hash, targets);
  }
  return hash.digest("hex");
}

function updateWith(hash: Hash, { buffer, byteOffset, byteLength }: ArrayBufferView): void {
  hash.update(new Uint8Array(buffer, byteOffset, byteLength));
}

function describe({ kind, count }: TargetSpec): string {
  return kind === "classes" ? `${count} classes` : `targets of ${count} values`;
}

function refuse(sentence: string): never {
  throw new TandemError("data-arrays", `The data cannot be used: ${sentence}`);
}
