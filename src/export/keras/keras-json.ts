// The layers as JSON in two dialects: that of Keras 3 (`model.save("….keras")`, config.json), and that of TensorFlow.js, which is
// Keras 2's. Pure.
import type { KerasLayer } from "./keras-model.js";

type Json = Readonly<Record<string, unknown>>;

/** config.json of a .keras file. */
export function kerasConfig(layers: readonly KerasLayer[]): Json {
  const shapes = new Map(layers.map(({ name, shape }) => [name, shape]));
  const tensor = (name: string) => ({
    class_name: "__keras_tensor__",
    config: { shape: [null, ...shapes.get(name)!], dtype: "float32", keras_history: [name, 0, 0] },
  });
  const written = layers.map((layer) => {
    const { className, name, inputs, shape } = layer;
    const isInput = inputs.length === 0;
    const tensors = inputs.map(tensor);
    // Merging layers take a single argument, a list.
    const args = takesList(layer) ? [tensors] : tensors;
    return {
      module: "keras.layers",
      class_name: className,
      config: isInput
        ? { batch_shape: [null, ...shape], dtype: "float32", sparse: false, name }
        : { name, trainable: layer.trainable, dtype: "float32", ...ownConfig(layer, "keras") },
      registered_name: null,
      ...(isInput ? {} : { build_config: { input_shape: buildShape(layer) } }),
      name,
      inbound_nodes: isInput ? [] : [{ args, kwargs: {} }],
    };
  });
  return {
    // The module that Keras 3 itself writes. In the public module the class has another name.
    module: "keras.src.models.functional",
    class_name: "Functional",
    config: { name: "tandem", trainable: true, layers: written, ...ends(layers) },
    registered_name: "Functional",
    build_config: { input_shape: null },
  };
}

/** modelTopology of a model.json. */
export function tfjsTopology(layers: readonly KerasLayer[]): Json {
  const written = layers.map((layer) => {
    const { className, name, inputs, shape } = layer;
    const isInput = inputs.length === 0;
    return {
      class_name: className,
      config: isInput
        ? { batch_input_shape: [null, ...shape], dtype: "float32", sparse: false, name }
        : { name, trainable: layer.trainable, dtype: "float32", ...ownConfig(layer, "tfjs") },
      name,
      inbound_nodes: isInput ? [] : [inputs.map((input) => [input, 0, 0, {}])],
    };
  });
  const { input_layers: input, output_layers: output } = ends(layers);
  return {
    class_name: "Model",
    config: { name: "tandem", layers: written, input_layers: [input], output_layers: [output] },
    keras_version: "2.1.6",
    backend: "tensorflow",
  };
}

function ownConfig({ className, config }: KerasLayer, dialect: "keras" | "tfjs"): Json {
  if (className !== "LeakyReLU") return config;
  return { [dialect === "keras" ? "negative_slope" : "alpha"]: config["slope"] };
}

function takesList({ className }: KerasLayer): boolean {
  return className === "Add" || className === "Concatenate" || className === "Multiply";
}

function buildShape(layer: KerasLayer): unknown {
  const shapes = layer.inputShapes.map((shape) => [null, ...shape]);
  return takesList(layer) ? shapes : shapes[0];
}

function ends(layers: readonly KerasLayer[]) {
  return {
    input_layers: [layers[0]!.name, 0, 0],
    output_layers: [layers.at(-1)!.name, 0, 0],
  };
}
