// Keras's initializers, as objects or names. Their seeds are ignored: all values are drawn with the run's seed. Pure.
import * as initializers from "../initializers.js";
import type { Initializer } from "../spec.js";
import { asKerasObject } from "./json.js";
import { describe, Options } from "./options.js";

/** keras.io/api/layers/initializers, with Keras's defaults. */
const READERS: Readonly<Record<string, (options: Options) => Initializer>> = {
  GlorotUniform: initializers.glorotUniform,
  GlorotNormal: initializers.glorotNormal,
  HeUniform: initializers.heUniform,
  HeNormal: initializers.heNormal,
  LecunUniform: initializers.lecunUniform,
  LecunNormal: initializers.lecunNormal,
  VarianceScaling: readVarianceScaling,
  TruncatedNormal: (options) =>
    initializers.truncatedNormal(options.readNumber("stddev", 0.05), options.readNumber("mean", 0)),
  RandomNormal: (options) =>
    initializers.normal(options.readNumber("stddev", 0.05), options.readNumber("mean", 0)),
  RandomUniform: (options) =>
    initializers.uniform(options.readNumber("minval", -0.05), options.readNumber("maxval", 0.05)),
  Zeros: initializers.zeros,
  Ones: initializers.ones,
  Constant: (options) => initializers.constant(options.readNumber("value", 0)),
};

/** GlorotUniform and glorot_uniform are the same. */
const normalise = (name: string) => name.replaceAll("_", "").toLowerCase();
const CLASS_NAMES = new Map(Object.keys(READERS).map((name) => [normalise(name), name]));

/** @param preset Keras's name of the default, used if the option is missing */
export function readInitializer(options: Options, key: string, preset: string): Initializer {
  const value = options.read(key) ?? preset;
  const object = asKerasObject(value);
  const name = typeof value === "string" ? value : object?.className;
  const className = name === undefined ? undefined : CLASS_NAMES.get(normalise(name));
  if (className === undefined) {
    options.refuseOption(
      key,
      `is ${describe(name ?? value)}. Supported are ${Object.keys(READERS).join(", ")}.`,
    );
  }
  const ownOptions = new Options(options.layerName, className, object?.config);
  const initializer = READERS[className]!(ownOptions);
  ownOptions.ignore("seed");
  ownOptions.expect("dtype", ["float32"]);
  ownOptions.finish();
  return initializer;
}

function readVarianceScaling(options: Options): Initializer {
  const modes = { fan_in: "fan-in", fan_out: "fan-out", fan_avg: "fan-average" } as const;
  const distributions = {
    truncated_normal: "truncated-normal",
    untruncated_normal: "normal",
    uniform: "uniform",
    // Before Keras 2.2.3 and in TensorFlow.js.
    normal: "truncated-normal",
  } as const;
  const keysOf = <Key extends string>(object: Record<Key, unknown>) => Object.keys(object) as Key[];
  return initializers.varianceScaling(
    options.readNumber("scale", 1),
    modes[options.readChoice("mode", keysOf(modes), "fan_in")],
    distributions[options.readChoice("distribution", keysOf(distributions), "truncated_normal")],
  );
}
