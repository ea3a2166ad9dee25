// Writes a network's description as a network file: Keras's JSON of a functional model. `--network` reads the same description
// back, including initializers (shared/network/keras-json.ts). Pure.
import { GENERATOR } from "../export-format.js";
import type {
  ActivationKind,
  Initializer,
  LayerNode,
  LayerSpec,
  NetworkSpec,
} from "../../shared/network/spec.js";
import { INPUT_NAME } from "../../shared/network/spec.js";

type Json = Readonly<Record<string, unknown>>;
type KerasClass = readonly [className: string, config: Json];

/** How the file begins: an earlier one is recognized by this. */
export const NETWORK_MARK = `{"generated_by":"${GENERATOR}"`;

export function networkJson({ inputShape, layers }: NetworkSpec): string {
  const input = {
    class_name: "InputLayer",
    config: { batch_input_shape: [null, ...inputShape], name: INPUT_NAME },
    name: INPUT_NAME,
    inbound_nodes: [],
  };
  return JSON.stringify({
    generated_by: GENERATOR,
    class_name: "Functional",
    config: {
      name: "network",
      layers: [input, ...layers.map(encodeLayer)],
      input_layers: [[INPUT_NAME, 0, 0]],
      output_layers: [[layers.at(-1)!.name, 0, 0]],
    },
  });
}

function encodeLayer({ name, inputs, trainable, layer }: LayerNode): Json {
  const [className, config] = kerasClassOf(layer);
  return {
    class_name: className,
    config: { name, trainable, ...config },
    name,
    inbound_nodes: [inputs.map((input) => [input, 0, 0, {}])],
  };
}

function kerasClassOf(layer: LayerSpec): KerasClass {
  switch (layer.kind) {
    case "conv2d":
      return ["Conv2D", { filters: layer.filters, ...windowOf(layer), ...weightsOf(layer) }];
    case "depthwise-conv2d": {
      const { kernel_initializer: initializer, ...weights } = weightsOf(layer);
      const kernel = {
        depth_multiplier: layer.depthMultiplier,
        depthwise_initializer: initializer,
      };
      return ["DepthwiseConv2D", { ...windowOf(layer), ...kernel, ...weights }];
    }
    case "dense":
      return ["Dense", { units: layer.units, ...weightsOf(layer) }];
    case "batch-norm":
      return [
        "BatchNormalization",
        {
          epsilon: layer.epsilon,
          momentum: layer.momentum,
          scale: layer.scale,
          center: layer.center,
          gamma_initializer: encodeInitializer(layer.scaleInitializer),
          beta_initializer: encodeInitializer(layer.betaInitializer),
        },
      ];
    case "activation":
      return activationOf(layer.activation, layer.alpha);
    case "softmax":
      return ["Softmax", {}];
    case "max-pool":
      return ["MaxPooling2D", poolOf(layer)];
    case "average-pool":
      return ["AveragePooling2D", poolOf(layer)];
    case "global-average-pool":
      return ["GlobalAveragePooling2D", { keepdims: layer.keepDimensions }];
    case "global-max-pool":
      return ["GlobalMaxPooling2D", { keepdims: layer.keepDimensions }];
    case "flatten":
      return ["Flatten", {}];
    case "reshape":
      return ["Reshape", { target_shape: layer.shape }];
    case "zero-padding": {
      const { top, bottom, left, right } = layer;
      const padding = [
        [top, bottom],
        [left, right],
      ];
      return ["ZeroPadding2D", { padding }];
    }
    case "dropout":
      return ["Dropout", { rate: layer.rate }];
    case "add":
      return ["Add", {}];
    case "concatenate":
      // Keras counts the samples' axis too.
      return ["Concatenate", { axis: layer.axis + 1 }];
    default:
      return layer satisfies never;
  }
}

function windowOf(layer: Extract<LayerSpec, { kind: "conv2d" | "depthwise-conv2d" }>): Json {
  return { kernel_size: layer.kernelSize, strides: layer.strides, padding: layer.padding };
}

function weightsOf(layer: {
  useBias: boolean;
  kernelInitializer: Initializer;
  biasInitializer: Initializer;
}) {
  return {
    use_bias: layer.useBias,
    kernel_initializer: encodeInitializer(layer.kernelInitializer),
    bias_initializer: encodeInitializer(layer.biasInitializer),
  };
}

function poolOf(layer: Extract<LayerSpec, { kind: "max-pool" | "average-pool" }>): Json {
  return { pool_size: layer.poolSize, strides: layer.strides, padding: layer.padding };
}

function activationOf(kind: ActivationKind, alpha: number): KerasClass {
  switch (kind) {
    case "leaky-relu":
      return ["LeakyReLU", { negative_slope: alpha }];
    case "elu":
      return ["ELU", { alpha }];
    case "gelu-tanh":
      return ["Activation", { activation: "gelu_new" }];
    case "relu":
    case "relu6":
    case "gelu":
    case "silu":
    case "sigmoid":
    case "tanh":
      return ["Activation", { activation: kind }];
    default:
      return kind satisfies never;
  }
}

/** keras.io/api/layers/initializers */
function encodeInitializer(initializer: Initializer): Json {
  const [className, config] = initializerClassOf(initializer);
  return { class_name: className, config };
}

function initializerClassOf(initializer: Initializer): KerasClass {
  switch (initializer.kind) {
    case "constant":
      return ["Constant", { value: initializer.value }];
    case "truncated-normal":
    case "normal": {
      const name = initializer.kind === "normal" ? "RandomNormal" : "TruncatedNormal";
      return [name, { mean: initializer.mean, stddev: initializer.standardDeviation }];
    }
    case "uniform":
      return ["RandomUniform", { minval: initializer.min, maxval: initializer.max }];
    case "variance-scaling": {
      const modes = { "fan-in": "fan_in", "fan-out": "fan_out", "fan-average": "fan_avg" };
      const distributions = {
        "truncated-normal": "truncated_normal",
        normal: "untruncated_normal",
        uniform: "uniform",
      };
      const { scale, mode, distribution } = initializer;
      return [
        "VarianceScaling",
        { scale, mode: modes[mode], distribution: distributions[distribution] },
      ];
    }
    default:
      return initializer satisfies never;
  }
}
