// Keras's activations: as an option of a layer, and as separate layers. Pure.
import type { ActivationKind, LayerSpec } from "../spec.js";
import { asKerasObject } from "./json.js";
import { describe, Options } from "./options.js";

export type ActivationLayer = Extract<LayerSpec, { kind: "activation" | "softmax" }>;

const activation = (kind: ActivationKind, alpha = 0): ActivationLayer => ({
  kind: "activation",
  activation: kind,
  alpha,
});

/** keras.io/api/layers/activations, with the default slopes. undefined: the identity. */
const BY_NAME = new Map<string, ActivationLayer | undefined>([
  ["linear", undefined],
  ["relu", activation("relu")],
  ["relu6", activation("relu6")],
  ["leaky_relu", activation("leaky-relu", 0.2)],
  ["elu", activation("elu", 1)],
  // The exact form, with the error function. TensorFlow.js calls the approximation gelu_new.
  ["gelu", activation("gelu")],
  ["gelu_new", activation("gelu-tanh")],
  ["silu", activation("silu")],
  ["swish", activation("silu")],
  ["sigmoid", activation("sigmoid")],
  ["tanh", activation("tanh")],
  ["softmax", { kind: "softmax" }],
]);

/**
 * @param rank of the layer's result, not counting the batch
 * @returns undefined for the identity
 */
export function readActivation(
  options: Options,
  key: string,
  rank: number,
): ActivationLayer | undefined {
  const value = options.read(key) ?? "linear";
  if (typeof value === "string" && BY_NAME.has(value)) return BY_NAME.get(value);
  // Dense(activation=LeakyReLU(0.1)) has a layer as its activation.
  const object = asKerasObject(value);
  const read =
    object && Object.hasOwn(ACTIVATION_LAYERS, object.className)
      ? ACTIVATION_LAYERS[object.className]
      : undefined;
  if (object && read) {
    const ownOptions = new Options(options.layerName, object.className, object.config);
    ownOptions.ignore("name", "trainable", "dtype");
    const layer = read(ownOptions, rank);
    ownOptions.finish();
    return layer;
  }
  return options.refuseOption(
    key,
    `is ${describe(object?.config ?? value)}. Supported are ${[...BY_NAME.keys()].join(", ")}.`,
  );
}

/** Layers that are only an activation. */
export const ACTIVATION_LAYERS: Readonly<
  Record<string, (options: Options, rank: number) => ActivationLayer | undefined>
> = {
  Activation: (options, rank) => readActivation(options, "activation", rank),
  ReLU: readRelu,
  LeakyReLU: (options) => {
    const slope = options.read("negative_slope") === undefined ? "alpha" : "negative_slope";
    return activation("leaky-relu", options.readNumber(slope, 0.3));
  },
  ELU: (options) => activation("elu", options.readNumber("alpha", 1)),
  Softmax: (options, rank) => {
    if (options.readAxis("axis", -1, rank) !== rank - 1) {
      options.refuseOption("axis", "must be the last axis.");
    }
    return { kind: "softmax" };
  },
};

function readRelu(options: Options): ActivationLayer {
  options.expect("threshold", [0]);
  options.expect("max_value", [6]);
  const slope = options.readNumber("negative_slope", 0);
  if (options.read("max_value") === undefined) {
    return slope === 0 ? activation("relu") : activation("leaky-relu", slope);
  }
  if (slope !== 0)
    options.refuseOption("negative_slope", "is not supported together with max_value.");
  return activation("relu6");
}
