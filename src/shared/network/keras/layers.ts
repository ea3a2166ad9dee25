// Translates each Keras layer into the layers of Tandem that compute it. To support another one, add its reader to the table. Pure.
import { sizeOf } from "../network.js";
import { shorten } from "../problem.js";
import { ACTIVATION_LAYERS } from "./activations.js";
import { readInitializer } from "./initializers.js";
import { expectChannelsLast, type LayerPart, single } from "./parts.js";
import { readConv, readDense, readDepthwiseConv, readSeparableConv } from "./weighted-layers.js";
import { describe, type Options } from "./options.js";

type Shape = readonly number[];

/** @param input the shape of one sample of the first input */
type LayerReader = (options: Options, input: Shape) => LayerPart[];

const READERS: Readonly<Record<string, LayerReader>> = {
  Conv2D: readConv,
  DepthwiseConv2D: readDepthwiseConv,
  SeparableConv2D: readSeparableConv,
  Dense: readDense,
  BatchNormalization: readBatchNorm,
  ...Object.fromEntries(
    Object.entries(ACTIVATION_LAYERS).map(([className, read]): [string, LayerReader] => [
      className,
      (options, input) => {
        const layer = read(options, input.length);
        return layer === undefined ? [] : [{ suffix: "", layer }];
      },
    ]),
  ),
  MaxPooling2D: (options) => readPool(options, "max-pool"),
  AveragePooling2D: (options) => readPool(options, "average-pool"),
  GlobalAveragePooling2D: (options) => readGlobalPool(options, "global-average-pool"),
  GlobalMaxPooling2D: (options) => readGlobalPool(options, "global-max-pool"),
  Flatten: (options) => {
    expectChannelsLast(options);
    return single({ kind: "flatten" });
  },
  Reshape: readReshape,
  ZeroPadding2D: readZeroPadding,
  Dropout: (options) => {
    options.ignore("seed");
    return single({ kind: "dropout", rate: options.readNumber("rate", 0.5) });
  },
  Add: () => single({ kind: "add" }),
  Concatenate: (options, input) =>
    single({ kind: "concatenate", axis: options.readAxis("axis", -1, input.length) }),
};

/** Rescaling and input layers are handled by keras-json.ts and model.ts, as they do not become layers. */
export const SUPPORTED_LAYERS: readonly string[] = [
  ...Object.keys(READERS),
  "Rescaling",
  "InputLayer",
];

/** Reads a layer's own options; the common ones must have been read before. @throws TandemError `network` */
export function readLayer(options: Options, input: Shape): LayerPart[] {
  const read = Object.hasOwn(READERS, options.className) ? READERS[options.className] : undefined;
  if (read === undefined) {
    options.refuse(
      `${shorten(options.className)} layers are not supported. Supported are ${SUPPORTED_LAYERS.join(", ")}.`,
    );
  }
  const parts = read(options, input);
  options.finish();
  return parts;
}

function readBatchNorm(options: Options, input: Shape): LayerPart[] {
  if (options.readAxis("axis", -1, input.length) !== input.length - 1) {
    options.refuseOption("axis", "must be the last axis, which is the channels.");
  }
  options.expect("synchronized", [false], "Choose synchronised batch normalisation for the run.");
  options.expect("renorm", [false]);
  options.ignore("renorm_momentum", "fused");
  for (const [key, name] of [
    ["moving_mean_initializer", "Zeros"],
    ["moving_variance_initializer", "Ones"],
  ] as const) {
    const initializer = readInitializer(options, key, name);
    const value = name === "Zeros" ? 0 : 1;
    if (initializer.kind !== "constant" || initializer.value !== value) {
      options.refuseOption(key, `must be ${name}.`);
    }
  }
  return single({
    kind: "batch-norm",
    epsilon: options.readNumber("epsilon", 0.001),
    momentum: options.readNumber("momentum", 0.99),
    scale: options.readFlag("scale", true),
    center: options.readFlag("center", true),
    scaleInitializer: readInitializer(options, "gamma_initializer", "Ones"),
    betaInitializer: readInitializer(options, "beta_initializer", "Zeros"),
  });
}

function readPool(options: Options, kind: "max-pool" | "average-pool"): LayerPart[] {
  expectChannelsLast(options);
  const poolSize = options.readSides("pool_size", [2, 2]);
  return single({
    kind,
    poolSize,
    strides: options.readSides("strides", poolSize),
    padding: options.readChoice("padding", ["valid", "same"], "valid"),
  });
}

function readGlobalPool(
  options: Options,
  kind: "global-average-pool" | "global-max-pool",
): LayerPart[] {
  expectChannelsLast(options);
  return single({ kind, keepDimensions: options.readFlag("keepdims", false) });
}

/** One side may be −1, or null in TensorFlow.js: it is inferred from the others. */
function readReshape(options: Options, input: Shape): LayerPart[] {
  const target = options.readList("target_shape").map((side) => side ?? -1);
  if (!target.every((side) => typeof side === "number")) {
    options.refuseOption("target_shape", `is ${describe(target)}, not a list of numbers.`);
  }
  if (!target.includes(-1)) return single({ kind: "reshape", shape: target });
  const known = target.filter((side) => side !== -1);
  const inferred = sizeOf(input) / sizeOf(known);
  if (known.length !== target.length - 1 || !Number.isInteger(inferred)) {
    options.refuseOption("target_shape", `${describe(target)} does not fit its input.`);
  }
  return single({ kind: "reshape", shape: target.map((side) => (side === -1 ? inferred : side)) });
}

/** One number for all sides, [height, width], or [[top, bottom], [left, right]]. */
function readZeroPadding(options: Options): LayerPart[] {
  expectChannelsLast(options);
  const value = options.read("padding") ?? 1;
  const pair = (side: unknown) => (Array.isArray(side) ? (side as unknown[]) : [side, side]);
  const [rows, columns] = pair(value);
  const borders = [...pair(rows), ...pair(columns)];
  if (borders.length !== 4 || !borders.every((border) => typeof border === "number")) {
    options.refuseOption("padding", `is ${describe(value)}, not [[top, bottom], [left, right]].`);
  }
  const [top, bottom, left, right] = borders as [number, number, number, number];
  return single({ kind: "zero-padding", top, bottom, left, right });
}
