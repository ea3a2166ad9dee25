// Translates each of Tandem's layers into Keras layers that compute it (keras.io/api/layers; tfjs-layers 4). Pure.
import type { Layer, LayerSpec } from "../../shared/network/network.js";
import type { ActivationKind } from "../../shared/network/spec.js";
import { type InferenceModel, weightOf } from "../inference-model.js";
import { denseDepthwiseKernel } from "./depthwise-kernel.js";
import type { KerasWeight } from "./keras-model.js";

/** One of the chain of Keras layers that a layer is translated into. */
export interface KerasPart {
  className: string;
  config: Readonly<Record<string, unknown>>;
  weights?: readonly KerasWeight[];
  /** Of the result, if it is not the layer's output shape. */
  shape?: readonly number[];
  /** Its inputs: the layer's own, or the result of the previous part, which is the default. */
  places?: readonly ("first" | "previous")[];
}

type SpecOf<Kind extends LayerSpec["kind"]> = Extract<LayerSpec, { kind: Kind }>;

/** @throws RangeError if the model lacks a weight */
export function partsOf(layer: Layer, model: InferenceModel): KerasPart[] {
  const spec = layer.layer;
  const weight = (role: string, own: string): KerasWeight => {
    const name = `${layer.name}/${own}`;
    const shape = model.network.parameters.find((each) => each.name === name)?.shape;
    const values = weightOf(model, name);
    return { role, shape: shape ?? [values.length], values };
  };
  const withBias = (kernel: KerasWeight, useBias: boolean) =>
    useBias ? [kernel, weight("bias", "bias")] : [kernel];
  switch (spec.kind) {
    case "conv2d": {
      const config = { filters: spec.filters, ...slidingConfig(spec) };
      const weights = withBias(weight("kernel", "kernel"), spec.useBias);
      return [{ className: "Conv2D", config, weights }];
    }
    case "depthwise-conv2d":
      return [
        depthwisePart(spec, layer.shape.at(-1)!, weight("depthwise_kernel", "kernel"), withBias),
      ];
    case "dense": {
      const config = { units: spec.units, activation: "linear", use_bias: spec.useBias };
      const weights = withBias(weight("kernel", "kernel"), spec.useBias);
      return [{ className: "Dense", config, weights }];
    }
    case "batch-norm":
      return [batchNormPart(spec, weight)];
    case "activation":
      return activationParts(spec.activation, spec.alpha);
    case "softmax":
      return [activation("softmax")];
    case "max-pool":
      return [{ className: "MaxPooling2D", config: poolConfig(spec) }];
    case "average-pool":
      return [{ className: "AveragePooling2D", config: poolConfig(spec) }];
    case "global-average-pool":
      return globalPoolParts("GlobalAveragePooling2D", spec.keepDimensions, layer);
    case "global-max-pool":
      return globalPoolParts("GlobalMaxPooling2D", spec.keepDimensions, layer);
    case "flatten":
      return [{ className: "Flatten", config: { data_format: "channels_last" } }];
    case "reshape":
      return [{ className: "Reshape", config: { target_shape: spec.shape } }];
    case "zero-padding": {
      const { top, bottom, left, right } = spec;
      const padding = [
        [top, bottom],
        [left, right],
      ];
      return [{ className: "ZeroPadding2D", config: { padding, data_format: "channels_last" } }];
    }
    case "dropout":
      return [{ className: "Dropout", config: { rate: spec.rate } }];
    case "add":
      return [{ className: "Add", config: {} }];
    case "concatenate":
      // Keras counts the samples' axis too.
      return [{ className: "Concatenate", config: { axis: spec.axis + 1 } }];
    default:
      return spec satisfies never;
  }
}

function slidingConfig(spec: SpecOf<"conv2d" | "depthwise-conv2d">) {
  return {
    kernel_size: spec.kernelSize,
    strides: spec.strides,
    padding: spec.padding,
    data_format: "channels_last",
    dilation_rate: [1, 1],
    activation: "linear",
    use_bias: spec.useBias,
  };
}

/** TensorFlow's depthwise convolution needs equal strides; with others it becomes a convolution whose kernel is mostly zeros. */
function depthwisePart(
  spec: SpecOf<"depthwise-conv2d">,
  filters: number,
  kernel: KerasWeight,
  withBias: (kernel: KerasWeight, useBias: boolean) => KerasWeight[],
): KerasPart {
  const config = slidingConfig(spec);
  const { depthMultiplier, strides, useBias } = spec;
  if (strides[0] === strides[1]) {
    const weights = withBias(kernel, useBias);
    return {
      className: "DepthwiseConv2D",
      config: { ...config, depth_multiplier: depthMultiplier },
      weights,
    };
  }
  const weights = withBias(denseDepthwiseKernel(kernel), useBias);
  return { className: "Conv2D", config: { filters, ...config }, weights };
}

function batchNormPart(
  { epsilon, momentum, scale, center }: SpecOf<"batch-norm">,
  weight: (role: string, own: string) => KerasWeight,
): KerasPart {
  return {
    className: "BatchNormalization",
    config: { axis: -1, momentum, epsilon, center, scale },
    weights: [
      ...(scale ? [weight("gamma", "scale")] : []),
      ...(center ? [weight("beta", "beta")] : []),
      weight("moving_mean", "pop_mean"),
      weight("moving_variance", "pop_var"),
    ],
  };
}

function poolConfig(spec: SpecOf<"max-pool" | "average-pool">) {
  return {
    pool_size: spec.poolSize,
    strides: spec.strides,
    padding: spec.padding,
    data_format: "channels_last",
  };
}

/** TensorFlow.js's global pools always drop the sides. */
function globalPoolParts(className: string, keepDimensions: boolean, layer: Layer): KerasPart[] {
  const pool = { className, config: { data_format: "channels_last" } };
  if (!keepDimensions) return [pool];
  const shape = [layer.shape.at(-1)!];
  return [
    { ...pool, shape },
    { className: "Reshape", config: { target_shape: layer.shape } },
  ];
}

function activation(name: string): KerasPart {
  return { className: "Activation", config: { activation: name } };
}

/** The option `slope` has different names in Keras 3 and TensorFlow.js; keras-json.ts replaces it. */
const leakyRelu = (slope: number): KerasPart => ({ className: "LeakyReLU", config: { slope } });
const rescale = (scale: number, offset = 0): KerasPart => ({
  className: "Rescaling",
  config: { scale, offset },
});
const multiply = (...places: ("first" | "previous")[]): KerasPart => ({
  ...{ className: "Multiply", config: {}, places },
});

function activationParts(kind: ActivationKind, alpha: number): KerasPart[] {
  switch (kind) {
    case "leaky-relu":
      return [leakyRelu(alpha)];
    case "elu":
      // TensorFlow.js only supports the scale 1; a leaky ReLU scales the negative part.
      return alpha === 1 ? [activation("elu")] : [activation("elu"), leakyRelu(alpha)];
    case "gelu-tanh":
      // ½x·(1 + tanh u) = x·sigmoid(2u), u = √(2/π)·x·(1 + 0.044715·x²)
      return [
        multiply("first", "first"),
        rescale(0.044715, 1),
        multiply("previous", "first"),
        rescale(2 * Math.sqrt(2 / Math.PI)),
        activation("sigmoid"),
        multiply("previous", "first"),
      ];
    case "silu":
      return [activation("swish")];
    case "relu":
    case "relu6":
    case "gelu":
    case "sigmoid":
    case "tanh":
      return [activation(kind)];
    default:
      return kind satisfies never;
  }
}
