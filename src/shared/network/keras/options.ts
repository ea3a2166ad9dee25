// The options of one Keras object (a layer's or an initializer's config), read strictly: each is asked for by name and
// type, and what nobody asked for is refused, so that no option is silently ignored. Pure.
import { quote, refuseLayer, shorten } from "../problem.js";
import type { Sides } from "../spec.js";
import { asKerasObject, getOwn, isObject, type JsonObject } from "./json.js";

export class Options {
  /** Of the layer, for messages. */
  readonly layerName: string;
  /** What has the options, for messages: a Keras class. */
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

  /** @returns undefined where the option is missing or null */
  read(key: string): unknown {
    this.supported.add(key);
    return getOwn(this.config, key);
  }

  /** The option has no effect on what Tandem computes. */
  ignore(...keys: string[]): void {
    for (const key of keys) this.supported.add(key);
  }

  readNumber(key: string, preset: number): number {
    const value = this.read(key) ?? preset;
    if (typeof value === "number") return value;
    return this.refuseOption(key, `is ${describe(value)} in place of a number.`);
  }

  readFlag(key: string, preset: boolean): boolean {
    const value = this.read(key) ?? preset;
    if (typeof value === "boolean") return value;
    return this.refuseOption(key, `is ${describe(value)} in place of true or false.`);
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
    return this.refuseOption(key, `is ${describe(value)} in place of [height, width].`);
  }

  readList(key: string): readonly unknown[] {
    const value = this.read(key);
    if (Array.isArray(value)) return value as unknown[];
    return this.refuseOption(key, `is ${describe(value)} in place of a list.`);
  }

  /** An axis that Keras counts with the batch, or from the end; alone or in a list. → among the axes of one sample */
  readAxis(key: string, preset: number, rank: number): number {
    const value = this.read(key) ?? preset;
    const axis: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
    if (typeof axis !== "number" || !Number.isInteger(axis)) {
      this.refuseOption(key, `is ${describe(value)} in place of one axis.`);
    }
    const ofSample = axis < 0 ? axis + rank : axis - 1;
    if (ofSample >= 0 && ofSample < rank) return ofSample;
    return this.refuseOption(key, `is ${axis}, which is no axis of a sample with ${rank}.`);
  }

  /** Refuses any value but the ones given. @param hint a sentence, where there is another way */
  expect(key: string, values: readonly unknown[], hint = ""): void {
    const value = this.read(key);
    if (value === undefined) return;
    const text = JSON.stringify(value);
    if (values.some((each) => JSON.stringify(each) === text)) return;
    this.refuseOption(
      key,
      `is ${describe(value)}, and only ${describe(values[0])} is supported.${hint && ` ${hint}`}`,
    );
  }

  /** Refuses what nobody has asked for. An option that is null is not set. */
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
 * The options that layers of every class have.
 * @returns whether the layer is trainable
 */
export function readCommonOptions(options: Options): boolean {
  options.ignore("name", "batch_shape", "batch_input_shape");
  const type = options.read("dtype");
  // Keras 3 writes a policy in place of the name.
  const policy = asKerasObject(type)?.config;
  const typeName = isObject(policy) ? getOwn(policy, "name") : type;
  if (typeName !== undefined && typeName !== "float32") {
    options.refuseOption("dtype", `is ${describe(typeName)}, and only float32 is supported.`);
  }
  return options.readFlag("trainable", true);
}

/** A value from a file, short enough for a message. */
export function describe(value: unknown): string {
  return value === undefined ? "missing" : shorten(JSON.stringify(value));
}
