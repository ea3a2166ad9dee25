// Reads the options of one Keras object (the config of a layer or an initializer) strictly: each is read by name and type, and
// those that were not read are refused, so that no option is silently ignored. Pure.
import { quote, refuseLayer, shorten } from "../problem.js";
import type { Sides } from "../spec.js";
import { asKerasObject, getOwn, isObject, type JsonObject } from "./json.js";

export class Options {
  /** The layer's, for messages. */
  readonly layerName: string;
  /** The Keras class that has the options, for messages. */
  readonly className: string;
  private readonly config: JsonObject;
  private readonly supported = new Set<string>();

  constructor(layerName: string, className: string, config: unknown) {
    this.layerName = layerName;
    this.className = className;
    this.config = isObject(config) ? config : {};
  }

  refuse(sentence: string): never {
    refuseLayer(this.layerName, sentence);
  }

  refuseOption(key: string, sentence: string): never {
    this.refuse(`its ${this.className} option ${quote(key)} ${sentence}`);
  }

  /** @returns undefined if the option is missing or null */
  read(key: string): unknown {
    this.supported.add(key);
    return getOwn(this.config, key);
  }

  /** Accepts options that do not affect what Tandem computes. */
  ignore(...keys: string[]): void {
    for (const key of keys) this.supported.add(key);
  }

  readNumber(key: string, preset: number): number {
    const value = this.read(key) ?? preset;
    if (typeof value === "number") return value;
    return this.refuseOption(key, `is ${describe(value)}, not a number.`);
  }

  readFlag(key: string, preset: boolean): boolean {
    const value = this.read(key) ?? preset;
    if (typeof value === "boolean") return value;
    return this.refuseOption(key, `is ${describe(value)}, not true or false.`);
  }

  readChoice<Choice extends string>(
    key: string,
    choices: readonly Choice[],
    preset: Choice,
  ): Choice {
    const value = this.read(key) ?? preset;
    const choice = choices.find((each) => each === value);
    return (
      choice ??
      this.refuseOption(key, `is ${describe(value)}. Supported are ${choices.join(", ")}.`)
    );
  }

  /** One number for both sides, or [height, width]. */
  readSides(key: string, preset: Sides): Sides {
    const value = this.read(key) ?? preset;
    const [height, width] = Array.isArray(value) ? (value as unknown[]) : [value, value];
    if (typeof height === "number" && typeof width === "number") return [height, width];
    return this.refuseOption(key, `is ${describe(value)}, not [height, width].`);
  }

  readList(key: string): readonly unknown[] {
    const value = this.read(key);
    if (Array.isArray(value)) return value as unknown[];
    return this.refuseOption(key, `is ${describe(value)}, not a list.`);
  }

  /** Keras counts axes including the batch, or from the end, and may put one into a list. @returns the axis within one sample */
  readAxis(key: string, preset: number, rank: number): number {
    const value = this.read(key) ?? preset;
    const axis: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
    if (typeof axis !== "number" || !Number.isInteger(axis)) {
      this.refuseOption(key, `is ${describe(value)}, not one axis.`);
    }
    const sampleAxis = axis < 0 ? axis + rank : axis - 1;
    if (sampleAxis >= 0 && sampleAxis < rank) return sampleAxis;
    return this.refuseOption(key, `is ${axis}, but a sample has ${rank} axes.`);
  }

  /** Refuses all other values. @param hint a sentence that suggests an alternative */
  expect(key: string, values: readonly unknown[], hint = ""): void {
    const value = this.read(key);
    if (value === undefined) return;
    const text = JSON.stringify(value);
    if (values.some((each) => JSON.stringify(each) === text)) return;
    this.refuseOption(
      key,
      `is ${describe(value)}, but only ${describe(values[0])} is supported.${hint && ` ${hint}`}`,
    );
  }

  /** Refuses options that have not been read. An option that is null counts as missing. */
  finish(): void {
    for (const key of Object.keys(this.config)) {
      if (this.supported.has(key) || getOwn(this.config, key) === undefined) continue;
      if (key.endsWith("_regularizer")) {
        this.refuseOption(key, "is not supported. Use the optimizer's weight decay.");
      }
      this.refuseOption(key, `is not supported. Supported are ${[...this.supported].join(", ")}.`);
    }
  }
}

/**
 * Reads the options that all layers have.
 * @returns whether the layer is trainable
 */
export function readCommonOptions(options: Options): boolean {
  options.ignore("name", "batch_shape", "batch_input_shape");
  const type = options.read("dtype");
  // Keras 3 writes a dtype policy instead of a name.
  const policy = asKerasObject(type)?.config;
  const typeName = isObject(policy) ? getOwn(policy, "name") : type;
  if (typeName !== undefined && typeName !== "float32") {
    options.refuseOption("dtype", `is ${describe(typeName)}, but only float32 is supported.`);
  }
  return options.readFlag("trainable", true);
}

/** A value from a file, shortened for a message. */
export function describe(value: unknown): string {
  return value === undefined ? "missing" : shorten(JSON.stringify(value));
}
