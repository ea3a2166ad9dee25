// Array files of inputs and targets → a data source. They are checked once, and then kept in memory or read as needed.
import { TandemError } from "../../../errors.js";
import { describeData } from "../../describe-data.js";
import { type DataSource, MemorySet, type TargetSpec } from "../../samples.js";
import { splitStored } from "../../split.js";
import { selectSamples } from "../../subset.js";
import { checkSource, type InputSpec, inputSpecOf, scanInputs } from "./array-inputs.js";
import { checkTestTargets, countClasses, readTargets, type Targets } from "./array-targets.js";
import { type DiskFile, loadBytes } from "../byte-source.js";
import { DataDigest } from "./data-digest.js";
import type { DataOptions } from "../data-kind.js";
import { cachedDigest } from "./digest-cache.js";
import { FileSet } from "./file-rows.js";
import { type StoredArray, valueBytes } from "./stored-array.js";
import { decodeInputs } from "./value-type.js";

const DEFAULT_MEMORY_BYTES = 512 * 2 ** 20;

/** Inputs and targets of the same samples. */
export interface ArrayPair {
  inputs: StoredArray;
  targets: StoredArray;
}

export interface ArrayFiles {
  /** For the description: `IDX`. */
  format: string;
  /** The user's path, for messages. */
  where: string;
  /** All open files. They are closed with the data source, or as soon as it is in memory. */
  files: readonly DiskFile[];
  training: ArrayPair;
  /** Missing: a fifth of the training samples are drawn as the test set. */
  test?: ArrayPair | undefined;
}

/** @throws TandemError `data-…`, naming the file and what is wrong with it; the files are closed */
export async function openArraySet(stored: ArrayFiles, options: DataOptions): Promise<DataSource> {
  const { files } = stored;
  const close = async () => {
    await Promise.all(files.map((file) => file.close()));
  };
  try {
    const { data, isInMemory } = await readArraySet(stored, options);
    if (!isInMemory) return { ...data, close };
    await close();
    return data;
  } catch (error) {
    await close();
    throw error;
  }
}

async function readArraySet(
  set: ArrayFiles,
  { validationSize, maxMemoryBytes = DEFAULT_MEMORY_BYTES }: DataOptions,
): Promise<{ data: DataSource; isInMemory: boolean }> {
  const { format, where, files, training, test } = set;
  const pairs = test ? [training, test] : [training];
  const spec = checkInputs(training, test);
  const inputBytes = pairs.reduce((total, { inputs }) => total + valueBytes(inputs), 0);
  const isInMemory = inputBytes <= maxMemoryBytes;
  const targets = await Promise.all(pairs.map((pair) => loadTargets(pair.targets)));
  const target = targetSpecOf(training, test, targets);
  const stored = pairs.map((pair) => pair.inputs);
  const inputs = isInMemory ? await Promise.all(stored.map(loadArray)) : stored;
  const compute = () => digestOf(inputs, targets, spec, target);
  const digest = await (isInMemory ? compute() : cachedDigest(files, compute));
  const sets = inputs.map((array, index) => toSet(array, targets[index]!));
  const shape = { ...spec, target };
  const split = splitSets(sets, validationSize, where);
  const description = describeData(format, { ...shape, ...split.sets }, split.note);
  return { data: { ...shape, ...split.sets, digest, description }, isInMemory };
}

function checkInputs(training: ArrayPair, test: ArrayPair | undefined): InputSpec {
  const spec = inputSpecOf(training.inputs.source.name, training.inputs);
  checkCounts(training);
  if (!test) return spec;
  const { name } = test.inputs.source;
  const testSpec = inputSpecOf(name, test.inputs);
  checkCounts(test);
  const [own, expected] = [describeSpec(testSpec), describeSpec(spec)];
  if (own === expected) return spec;
  throw new TandemError(
    "data-mismatch",
    `${name}: its samples are ${own}, but the training samples are ${expected}. Use files of the same data set.`,
  );
}

function describeSpec({ inputShape, inputType }: InputSpec): string {
  return `${inputShape.join(" × ")} ${inputType}`;
}

function checkCounts({ inputs, targets }: ArrayPair): void {
  const [inputCount, targetCount] = [inputs.shape[0], targets.shape[0]];
  if (inputCount === targetCount) return;
  throw new TandemError(
    "data-mismatch",
    `${targets.source.name}: ${targetCount} targets for the ${inputCount} samples of ${inputs.source.name}. Use files of the same data set.`,
  );
}

async function loadTargets(array: StoredArray): Promise<Targets> {
  const source = await loadBytes(array.source);
  checkSource(source);
  return readTargets(source.name, array, source.bytes!.subarray(array.byteOffset));
}

async function loadArray(array: StoredArray): Promise<StoredArray> {
  return { ...array, source: await loadBytes(array.source) };
}

function targetSpecOf(
  training: ArrayPair,
  test: ArrayPair | undefined,
  [own, ofTest]: readonly Targets[],
): TargetSpec {
  const { name } = training.targets.source;
  const target: TargetSpec =
    own!.kind === "values"
      ? { kind: "values", count: own!.count }
      : { kind: "classes", count: countClasses(name, own!.labels) };
  if (test && ofTest) checkTestTargets(test.targets.source.name, ofTest, target);
  return target;
}

async function digestOf(
  inputs: readonly StoredArray[],
  targets: readonly Targets[],
  spec: InputSpec,
  target: TargetSpec,
): Promise<string> {
  const digest = new DataDigest();
  for (const [index, array] of inputs.entries()) {
    await scanInputs(array, spec, digest);
    const own = targets[index]!;
    if (own.kind === "classes") digest.addLabels(own.labels, target.count);
    else {
      digest.begin("float32", [array.shape[0]!, own.count]);
      digest.add(own.values);
    }
  }
  return digest.toHex();
}

function toSet(array: StoredArray, own: Targets): MemorySet | FileSet {
  const targets = own.kind === "classes" ? own.labels : own.values;
  const { source, byteOffset, type, shape } = array;
  if (!source.bytes) return new FileSet(array, targets);
  const inputs = decodeInputs(type, source.bytes.subarray(byteOffset));
  return new MemorySet({ count: shape[0]!, inputs, targets });
}

/** @returns in `note` how the test set was chosen, if it is not in the files */
function splitSets(
  [all, test]: readonly (MemorySet | FileSet)[],
  validationSize: number | undefined,
  where: string,
): { sets: Pick<DataSource, "training" | "validation" | "test">; note?: string } {
  const hasTest = test !== undefined;
  const split = splitStored(all!.count, { hasTest, validationSize, where });
  const sets = {
    training: selectSamples(all!, split.training),
    validation: selectSamples(all!, split.validation),
    test: test ?? selectSamples(all!, split.test),
  };
  return hasTest ? { sets } : { sets, note: "a fifth drawn as the test set" };
}
