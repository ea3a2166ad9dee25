// A function that returns samples → a data source: for data that is neither in memory nor in files that Tandem can read, such as a
// database, a simulation or a decoder. Each returned sample is checked.
import { createHash } from "node:crypto";
import { messageOf, TandemError } from "../errors.js";
import { MAX_RANK, MAX_SAMPLE_VALUES } from "../network/limits.js";
import { sizeOf } from "../network/network.js";
import { isAllFinite } from "../replica/finite.js";
import { describeData } from "./describe-data.js";
import type { DataSource, Samples, SampleSet, TargetSpec } from "./samples.js";
import { splitStored } from "./split.js";
import { selectSamples } from "./subset.js";

/** One sample, as returned by the program's function. */
export interface OwnSample {
  /** The values in row-major order. With `inputType: "uint8"`, bytes from 0 to 255. */
  input: Float32Array | Uint8Array | readonly number[];
  /** A class number, or `targetSize` values; a number is one value. */
  target: number | Float32Array | readonly number[];
}

/** Samples that are computed or fetched when they are needed. */
export interface OwnSamples {
  /** Number of samples. */
  length: number;
  /**
   * Returns the sample with an index from 0 to `length` − 1. It must always be the same one, as a resumed or repeated run requests it
   * again. Many calls may be in progress at the same time.
   */
  sample: (index: number) => OwnSample | Promise<OwnSample>;
}

/** Options of {@link source}. */
export interface OwnSourceOptions {
  /** Of one sample: [height, width, channels], or [features]. */
  inputShape: readonly number[];
  /** `"uint8"`: bytes, which stand for value/255. Default: `"float32"` */
  inputType?: "uint8" | "float32";
  /** `classes`: the number of classes, or their names. Without it, targets are values. */
  training: OwnSamples & { classes?: number | readonly string[] };
  /** The samples that the run is evaluated on. */
  test: OwnSamples;
  /** The number of training samples, from the first on, that are held out. Default: 0 */
  validationSize?: number;
  /** Values per target, if targets are values. Default: 1 */
  targetSize?: number;
  /**
   * Identifies the samples in the run's configuration: a run can only be resumed with data of the same `id`. Change it whenever the
   * samples change.
   */
  id: string;
}

/** Concurrent calls of `sample`. */
const MAX_CALLS = 64;
const MAX_CLASSES = 1_000_000;
const INPUT_TYPES: readonly string[] = ["uint8", "float32"];

/** @throws TandemError `data-arrays`, naming the option. Gathering samples rejects with `data-sample`, naming the index. */
export function ownSource(options: OwnSourceOptions): DataSource {
  const { inputShape, inputType = "float32", training, test, validationSize = 0 } = options;
  checkOptions(options);
  const target = targetOf(options);
  const spec = { inputShape: [...inputShape], inputType, target };
  const all = new OwnSet("training", training, spec);
  const where = "the source";
  const split = splitStored(training.length, { hasTest: true, validationSize, where });
  const { classes } = training;
  const data = {
    ...spec,
    training: selectSamples(all, split.training),
    validation: selectSamples(all, split.validation),
    test: new OwnSet("test", test, spec),
    ...(typeof classes === "object" ? { classNames: [...classes] } : {}),
  };
  return {
    ...data,
    kind: "source",
    digest: digestOf(options, target),
    description: describeData("a program's", data),
  };
}

type Spec = Pick<DataSource, "inputShape" | "inputType" | "target">;

class OwnSet implements SampleSet {
  readonly count: number;
  private readonly name: string;
  private readonly own: OwnSamples;
  private readonly spec: Spec;

  constructor(name: string, own: OwnSamples, spec: Spec) {
    this.name = name;
    this.own = own;
    this.spec = spec;
    this.count = own.length;
  }

  async gather(indices: Uint32Array): Promise<Samples> {
    const { inputShape, inputType, target } = this.spec;
    const inputSize = sizeOf(inputShape);
    const targetSize = target.kind === "classes" ? 1 : target.count;
    const count = indices.length;
    const inputs = new (inputType === "uint8" ? Uint8Array : Float32Array)(count * inputSize);
    const targets = new (target.kind === "classes" ? Int32Array : Float32Array)(count * targetSize);
    let next = 0;
    const work = async () => {
      for (let row = next++; row < count; row = next++) {
        const sample = await this.sample(indices[row]!);
        inputs.set(sample.input, row * inputSize);
        targets.set(sample.target, row * targetSize);
      }
    };
    await Promise.all(Array.from({ length: Math.min(MAX_CALLS, count) }, work));
    return { count, inputs, targets };
  }

  /** @throws TandemError `data-sample` */
  private async sample(index: number) {
    let sample: unknown;
    try {
      sample = await this.own.sample(index);
    } catch (error) {
      return this.refuse(index, `failed (${messageOf(error)})`, error);
    }
    const { input, target } = (sample ?? {}) as Partial<OwnSample>;
    return { input: this.checkInput(index, input), target: this.checkTarget(index, target) };
  }

  private checkInput(index: number, input: unknown): ArrayLike<number> {
    const { inputShape, inputType } = this.spec;
    if (!isNumbers(input) || input.length !== sizeOf(inputShape)) {
      const found = isNumbers(input)
        ? `an input of length ${input.length}`
        : "an input that is not an array of numbers";
      return this.refuse(
        index,
        `returned ${found}, but a sample of [${inputShape.join(", ")}] has ${sizeOf(inputShape)} values`,
      );
    }
    const isUsable =
      inputType === "uint8"
        ? input instanceof Uint8Array || everyValue(input, isByte)
        : input instanceof Uint8Array || isFinite32(input);
    if (isUsable) return input;
    return this.refuse(
      index,
      `returned an input with values that are not ${inputType === "uint8" ? "bytes from 0 to 255" : "finite float32 numbers"}`,
    );
  }

  private checkTarget(index: number, target: unknown): ArrayLike<number> {
    const spec = this.spec.target;
    if (spec.kind === "classes") {
      const isClass =
        Number.isInteger(target) && Number(target) >= 0 && Number(target) < spec.count;
      if (isClass) return [Number(target)];
      return this.refuse(
        index,
        `returned the target ${String(target)}, which is not a class number from 0 to ${spec.count - 1}`,
      );
    }
    const values = typeof target === "number" ? [target] : target;
    if (isNumbers(values) && values.length === spec.count && isFinite32(values)) return values;
    return this.refuse(
      index,
      `returned a target that is not ${spec.count === 1 ? "one finite number" : `${spec.count} finite numbers`}`,
    );
  }

  private refuse(index: number, what: string, cause?: unknown): never {
    throw new TandemError("data-sample", `${this.name}.sample(${index}) ${what}.`, { cause });
  }
}

function isNumbers(value: unknown): value is ArrayLike<number> {
  if (value instanceof Float32Array || value instanceof Uint8Array) return true;
  return Array.isArray(value) && value.every((each) => typeof each === "number");
}

function isFinite32(values: ArrayLike<number>): boolean {
  if (values instanceof Float32Array) return isAllFinite(values);
  return everyValue(values, (value) => Number.isFinite(Math.fround(value)));
}

function isByte(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 255;
}

function everyValue(values: ArrayLike<number>, isValid: (value: number) => boolean): boolean {
  for (let index = 0; index < values.length; index++) if (!isValid(values[index]!)) return false;
  return true;
}

function checkOptions({ inputShape, inputType, training, test, id }: OwnSourceOptions): void {
  const isShape =
    inputShape.length >= 1 &&
    inputShape.length <= MAX_RANK &&
    inputShape.every((side) => Number.isSafeInteger(side) && side >= 1) &&
    sizeOf(inputShape) <= MAX_SAMPLE_VALUES;
  if (!isShape) {
    refuse(
      `inputShape [${inputShape.join(", ")}] is not a valid shape: one to ${MAX_RANK} integers above 0`,
    );
  }
  if (inputType !== undefined && !INPUT_TYPES.includes(inputType)) {
    refuse(`inputType ${inputType} is none of ${INPUT_TYPES.join(", ")}`);
  }
  for (const [name, { length }] of Object.entries({ training, test })) {
    if (Number.isSafeInteger(length) && length >= 1 && length < 2 ** 32) continue;
    refuse(`${name}.length ${length} is not a valid number of samples`);
  }
  if (typeof id !== "string" || id === "") refuse("id is empty. Name the data and its version");
}

function targetOf({ training: { classes }, targetSize }: OwnSourceOptions): TargetSpec {
  if (classes === undefined) {
    const count = targetSize ?? 1;
    if (Number.isSafeInteger(count) && count >= 1) return { kind: "values", count };
    return refuse(`targetSize ${count} is not an integer above 0`);
  }
  if (targetSize !== undefined) {
    refuse("targetSize is for targets that are values. Omit it or training.classes");
  }
  const count = typeof classes === "number" ? classes : classes.length;
  if (Number.isSafeInteger(count) && count >= 1 && count <= MAX_CLASSES) {
    return { kind: "classes", count };
  }
  return refuse(`training.classes ${count} is not a number of classes from 1 to ${MAX_CLASSES}`);
}

/** Of the options only, as the samples themselves are not read in advance. */
function digestOf(options: OwnSourceOptions, target: TargetSpec): string {
  const { inputShape, inputType = "float32", training, test, id } = options;
  const lengths = [training.length, test.length];
  const text = JSON.stringify({
    format: "tandem-source/1",
    id,
    inputShape,
    inputType,
    target,
    lengths,
  });
  return createHash("sha256").update(text).digest("hex");
}

function refuse(sentence: string): never {
  throw new TandemError("data-arrays", `The source cannot be used: ${sentence}.`);
}
