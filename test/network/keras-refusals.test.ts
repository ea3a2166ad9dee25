// Every model that Tandem would compute differently than Keras is refused, naming layer and option.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TandemError } from "../../src/shared/errors.js";
import { readKerasJson } from "../../src/shared/network/keras-json.js";

function refusalOf(text: string): string {
  try {
    readKerasJson(text);
  } catch (error) {
    if (error instanceof TandemError && error.code === "network") {
      expect(error.message).not.toContain("\n");
      expect(error.message.length).toBeLessThan(700);
      return error.message;
    }
    throw error;
  }
  throw new Error("not refused");
}

type Config = Record<string, unknown>;

/** One layer behind an input of 8×8×2, as Keras 2 writes it. */
function modelOf(className: string, config: Config, inputShape: unknown[] = [8, 8, 2]): string {
  return JSON.stringify({
    class_name: "Sequential",
    config: {
      name: "model",
      layers: [
        {
          class_name: "InputLayer",
          config: { batch_input_shape: [null, ...inputShape], name: "image" },
        },
        { class_name: className, config: { name: "layer", ...config } },
      ],
    },
  });
}

interface Node {
  name: string;
  className?: string;
  config?: Config;
  /** As in Keras 2: calls, each a list of [layer, node, tensor, options]. */
  calls?: unknown[];
}

function functionalOf(nodes: readonly Node[], settings: Config = {}): string {
  return JSON.stringify({
    class_name: "Functional",
    config: {
      layers: [
        {
          name: "image",
          class_name: "InputLayer",
          config: { batch_input_shape: [null, 4], name: "image" },
          inbound_nodes: [],
        },
        ...nodes.map(({ name, className = "Dense", config = { units: 4 }, calls }) => ({
          name,
          class_name: className,
          config: { name, ...config },
          inbound_nodes: calls ?? [[["image", 0, 0, {}]]],
        })),
      ],
      input_layers: [["image", 0, 0]],
      output_layers: [[nodes.at(-1)?.name, 0, 0]],
      ...settings,
    },
  });
}

describe("files that hold no model", () => {
  it.each<[string, string, RegExp]>([
    ["empty", "", /not JSON/],
    ["no JSON", "layers: [conv]", /not JSON/],
    ["cut", modelOf("Flatten", {}).slice(0, -3), /not JSON/],
    ["null", "null", /not a Keras model/],
    ["a list", "[]", /not a Keras model/],
    ["another object", '{"a": 1}', /not a Keras model/],
    ["a model without layers", '{"class_name": "Sequential", "config": {}}', /no layers/],
    ["a model of a class of its own", '{"class_name": "MyNet", "config": {}}', /"?MyNet/],
    ["a graph model", '{"format": "graph-model", "modelTopology": {}}', /graph model/],
    ["nested too deep", "[".repeat(1e6), /deep/],
    ["too long", `"${" ".repeat(2 ** 24)}"`, /characters/],
    ["layers that are not objects", '{"class_name": "Sequential", "config": [1]}', /number 1/],
    [
      "a __proto__ in place of a config",
      '{"class_name": "Sequential", "__proto__": {"config": {"layers": []}}}',
      /no layers/,
    ],
  ])("%s", (_, text, message) => {
    expect(refusalOf(text)).toMatch(message);
  });

  it("a byte order mark is accepted", () => {
    expect(readKerasJson(`\ufeff${modelOf("Flatten", {})}`).layers).toHaveLength(1);
  });
});

describe("layers and options", () => {
  it.each<[string, Config, RegExp]>([
    ["LSTM", { units: 3 }, /"layer".*LSTM.*Conv2D, .*InputLayer/],
    ["constructor", {}, /"layer".*constructor/],
    ["Lambda", {}, /"layer".*Lambda/],
    ["Sequential", { layers: [] }, /"layer".*nested model/],
    ["Conv2D", { filters: 2, foo: 1 }, /"layer".*"foo".*filters/],
    ["Conv2D", { filters: 2, data_format: "channels_first" }, /"layer".*"data_format"/],
    ["Conv2D", { filters: 2, dilation_rate: [2, 2] }, /"layer".*"dilation_rate"/],
    ["Conv2D", { filters: 2, groups: 2 }, /"layer".*"groups"/],
    ["Conv2D", { filters: 2, padding: "causal" }, /"layer".*"padding".*valid, same/],
    ["Conv2D", { filters: 2, kernel_size: "3" }, /"layer".*"kernel_size"/],
    ["Conv2D", { filters: 2, kernel_size: [3] }, /"layer".*"kernel_size"/],
    ["Conv2D", { filters: 2, kernel_size: [9, 9] }, /"layer".*larger/],
    ["Conv2D", { filters: 2, strides: 0 }, /"layer".*strides/],
    ["Conv2D", { filters: 0 }, /"layer".*filters/],
    ["Conv2D", {}, /"layer".*filters/],
    ["Conv2D", { filters: 2, kernel_regularizer: { class_name: "L2" } }, /weight decay/],
    ["Conv2D", { filters: 2, kernel_constraint: { class_name: "MaxNorm" } }, /_constraint"/],
    ["Conv2D", { filters: 2, activation: "mish" }, /"layer".*mish.*relu6/],
    [
      "Conv2D",
      { filters: 2, activation: { class_name: "function", config: "my_relu" } },
      /"layer".*my_relu/,
    ],
    ["Conv2D", { filters: 2, activation: { class_name: "constructor" } }, /"activation"/],
    ["Conv2D", { filters: 2, activation: "softmax" }, /^$/],
    ["Conv2D", { filters: 2, kernel_initializer: "orthogonal" }, /orthogonal.*HeNormal/],
    [
      "Conv2D",
      { filters: 2, kernel_initializer: { class_name: "Constant", config: { value: [1] } } },
      /Constant option "value"/,
    ],
    [
      "Conv2D",
      { filters: 2, kernel_initializer: { class_name: "Zeros", config: { gain: 2 } } },
      /Zeros option "gain"/,
    ],
    ["Conv2D", { filters: 2, dtype: "float16" }, /"dtype".*float16/],
    [
      "Conv2D",
      { filters: 2, dtype: { class_name: "DTypePolicy", config: { name: "mixed_float16" } } },
      /"dtype".*mixed_float16/,
    ],
    ["Conv2D", { filters: 2, trainable: 1 }, /"trainable"/],
    ["Conv2D", { filters: 2, name: "__proto__" }, /__proto__/],
    ["Conv2D", { filters: 2, name: "a,b" }, /a,b.*comma/],
    ["Conv2D", { filters: 2, name: "" }, /name is empty/],
    ["Conv2D", { filters: 2, name: 7 }, /number 2.*no name/],
    ["Dense", { units: 3 }, /"layer".*flatten/],
    ["BatchNormalization", { axis: 1 }, /"axis".*last/],
    ["BatchNormalization", { axis: [1, 2] }, /"axis"/],
    ["BatchNormalization", { renorm: true }, /"renorm"/],
    ["BatchNormalization", { synchronized: true }, /"synchronized"/],
    ["BatchNormalization", { virtual_batch_size: 4 }, /"virtual_batch_size"/],
    ["BatchNormalization", { moving_mean_initializer: "ones" }, /"moving_mean_initializer"/],
    ["BatchNormalization", { epsilon: 0 }, /epsilon/],
    ["ReLU", { threshold: 1 }, /"threshold"/],
    ["ReLU", { max_value: 1 }, /"max_value"/],
    ["ReLU", { max_value: 6, negative_slope: 0.1 }, /"negative_slope"/],
    ["LeakyReLU", { alpha: -1 }, /alpha/],
    ["Softmax", { axis: 1 }, /"axis"/],
    ["GlobalAveragePooling2D", { data_format: "channels_first" }, /"data_format"/],
    ["Reshape", { target_shape: [-1, -1] }, /"target_shape"/],
    ["Reshape", { target_shape: [-1, 7] }, /"target_shape"/],
    ["Reshape", { target_shape: [0, -1] }, /"target_shape"/],
    ["Reshape", { target_shape: [2, 2, 2, 2, 8] }, /shape/],
    ["Reshape", {}, /"target_shape" is missing/],
    ["ZeroPadding2D", { padding: [[1, 2, 3]] }, /"padding"/],
    ["ZeroPadding2D", { padding: -1 }, /"layer"/],
    ["Dropout", { rate: 1 }, /rate/],
    ["Dropout", { rate: 0.5, noise_shape: [1] }, /"noise_shape"/],
    ["Add", {}, /"layer".*1 input/],
    ["Concatenate", { axis: 0 }, /"axis"/],
    ["Concatenate", { axis: 4 }, /"axis"/],
  ])("%s %j", (className, config, message) => {
    const text = modelOf(className, config);
    // An empty pattern: the model is accepted.
    if (message.source === "^$") expect(readKerasJson(text).layers).toHaveLength(2);
    else expect(refusalOf(text)).toMatch(message);
  });

  it("an option that is null is not set", () => {
    const text = modelOf("Flatten", { quantization_config: null, data_format: null });
    expect(readKerasJson(text).layers[0]!.layer).toEqual({ kind: "flatten" });
  });

  it("input shapes that are not known", () => {
    expect(refusalOf(modelOf("Flatten", {}, [null, 8, 1]))).toMatch(/"image".*not fully known/);
    expect(refusalOf(modelOf("Flatten", {}, []))).toMatch(/"image".*not fully known/);
    expect(refusalOf(modelOf("Flatten", {}, [0]))).toMatch(/input shape/);
    const withoutInput = JSON.stringify({
      class_name: "Sequential",
      config: { layers: [{ class_name: "Dense", config: { name: "a", units: 1 } }] },
    });
    expect(refusalOf(withoutInput)).toMatch(/no input shape/);
  });

  it("a class of the user's with a layer's name, and an operation on tensors", () => {
    const layer = (extra: Config) =>
      JSON.stringify({
        class_name: "Sequential",
        config: {
          build_input_shape: [null, 4],
          layers: [{ class_name: "ReLU", config: { name: "layer" }, ...extra }],
        },
      });
    expect(readKerasJson(layer({ module: "keras.layers" })).layers).toHaveLength(1);
    expect(refusalOf(layer({ registered_name: "my_package>ReLU" }))).toMatch(/my_package/);
    expect(refusalOf(layer({ module: "keras.src.ops.nn" }))).toMatch(/operation ReLU/);
  });
});

describe("functional models", () => {
  const from = (...names: string[]) => [names.map((name) => [name, 0, 0, {}])];

  it("are sorted so that each layer comes after its inputs", () => {
    const spec = readKerasJson(
      functionalOf([
        { name: "c", className: "Add", config: {}, calls: from("a", "b") },
        { name: "b", calls: from("a") },
        { name: "a" },
        { name: "d", calls: from("c") },
      ]),
    );
    expect(spec.layers.map(({ name }) => name)).toEqual(["a", "b", "c", "d"]);
  });

  it.each<[string, string, RegExp]>([
    [
      "a cycle",
      functionalOf([
        { name: "a", className: "Add", config: {}, calls: from("image", "b") },
        { name: "b", calls: from("a") },
      ]),
      /"a".*cycle/,
    ],
    ["an unknown input", functionalOf([{ name: "a", calls: from("x") }]), /"a".*"x"/],
    ["no input", functionalOf([{ name: "a", calls: [] }]), /"a".*no inputs/],
    [
      "a layer that is used twice",
      functionalOf([{ name: "a", calls: [...from("image"), ...from("image")] }]),
      /"a".*more than once/,
    ],
    [
      "the second use of a layer",
      functionalOf([{ name: "a" }, { name: "b", calls: [[["a", 1, 0, {}]]] }]),
      /"b".*more than once/,
    ],
    [
      "an input that is not a tensor",
      functionalOf([{ name: "a", calls: [{ args: [2], kwargs: {} }] }]),
      /"a".*not the result of a layer/,
    ],
    ["a call that is a number", functionalOf([{ name: "a", calls: [7] }]), /"a"/],
    [
      "too many layers",
      functionalOf(Array.from({ length: 1001 }, (_, index) => ({ name: `a${index}` }))),
      /has 100\d layers, and at most 1000 are allowed/,
    ],
    [
      "an argument of the call",
      functionalOf([{ name: "a", calls: [[["image", 0, 0, { training: false }]]] }]),
      /"a".*"training".*trainable/,
    ],
    [
      "a class with the name of something that objects have",
      functionalOf([
        { name: "a", className: "constructor", calls: [[["image", 0, 0, { training: false }]]] },
      ]),
      /"a".*"training"/,
    ],
    ["two layers of one name", functionalOf([{ name: "a" }, { name: "a" }]), /"a".*same name/],
    [
      "a layer that leads nowhere",
      functionalOf([{ name: "a" }, { name: "b" }], { output_layers: [["b", 0, 0]] }),
      /"a".*no other layer/,
    ],
    [
      "an output in the middle",
      functionalOf([{ name: "a" }, { name: "b", calls: from("a") }], {
        output_layers: ["a", 0, 0],
      }),
      /"a".*output/,
    ],
    [
      "two outputs",
      functionalOf([{ name: "a" }, { name: "b" }], {
        output_layers: [
          ["a", 0, 0],
          ["b", 0, 0],
        ],
      }),
      /output/,
    ],
    [
      "two inputs",
      functionalOf([{ name: "a", className: "InputLayer", config: { batch_shape: [null, 4] } }]),
      /2 inputs/,
    ],
    [
      "an output that is not a layer",
      functionalOf([{ name: "a" }], { output_layers: ["z", 0, 0] }),
      /"z"/,
    ],
  ])("%s", (_, text, message) => {
    expect(refusalOf(text)).toMatch(message);
  });
});

/** Changes one value of a real file at a time: the result is always a network or a sentence. */
it("a damaged file is read or refused", () => {
  const text = readFileSync(new URL("fixtures/residual.keras3.json", import.meta.url), "utf8");
  const places = [...text.matchAll(/(?<=[:,[{] ?)("[^"]*"|[\d.]+|null|true|false)/g)];
  const values = ["null", "-1", "0", "1e9", '"x"', "[]", "{}", "[[[1]]]", "true", '"__proto__"'];
  places.forEach(({ index, 0: old }, count) => {
    const value = values[count % values.length]!;
    const damaged = text.slice(0, index) + value + text.slice(index + old.length);
    try {
      readKerasJson(damaged);
    } catch (error) {
      if (!(error instanceof TandemError)) throw error;
    }
  });
  expect(places.length).toBeGreaterThan(500);
});
