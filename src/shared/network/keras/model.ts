// A Keras model → its layers in topological order, and the shape of its input. What the layers compute is in layers.ts. Pure.
import { MAX_LAYERS } from "../limits.js";
import { quote, refuseLayer, refuseNetwork, shorten } from "../problem.js";
import { readEndpoint, readInputNames } from "./connections.js";
import { asKerasObject, getOwn, isObject, type JsonObject, type KerasObject } from "./json.js";
import { describe, Options, readCommonOptions } from "./options.js";

/** A Keras layer, and the names of the layers that are its inputs. */
export interface PlacedLayer {
  name: string;
  className: string;
  config: JsonObject;
  inputs: readonly string[];
}

export interface KerasModel {
  /** Of one sample. */
  inputShape: readonly number[];
  inputName: string;
  outputName: string;
  /** In topological order; without the input layer. */
  layers: readonly PlacedLayer[];
  trainable: boolean;
}

const MODEL_CLASSES = ["Sequential", "Functional", "Model"];

export function readModel(model: KerasObject): KerasModel {
  const { className, config } = model;
  if (!MODEL_CLASSES.includes(className)) {
    refuseNetwork(
      `a model of the class ${shorten(className)} is not supported. Supported are Sequential and Functional models.`,
    );
  }
  // Before Keras 2.2.3, a sequential model's config was the list of its layers.
  const settings = isObject(config) ? config : {};
  const list = Array.isArray(config) ? (config as unknown[]) : getOwn(settings, "layers");
  if (!Array.isArray(list) || list.length === 0) refuseNetwork("the model has no layers.");
  if (list.length > MAX_LAYERS) {
    refuseNetwork(`the model has ${list.length} layers, and at most ${MAX_LAYERS} are allowed.`);
  }
  const layers = list.map(readListedLayer);
  const parts =
    className === "Sequential" ? chainLayers(layers, settings) : connectLayers(layers, settings);
  return { ...parts, trainable: getOwn(settings, "trainable") !== false };
}

interface ListedLayer {
  name: string;
  layer: KerasObject;
  config: JsonObject;
}

function readListedLayer(value: unknown, position: number): ListedLayer {
  const layer = asKerasObject(value);
  if (layer === undefined) refuseLayer(`number ${position + 1}`, "it has no class_name.");
  const config = isObject(layer.config) ? layer.config : {};
  const name = getOwn(config, "name") ?? getOwn(layer.source, "name");
  if (typeof name !== "string") refuseLayer(`number ${position + 1}`, "it has no name.");
  if (MODEL_CLASSES.includes(layer.className)) {
    refuseLayer(name, "it is a nested model. Add its layers to the outer model instead.");
  }
  checkOrigin(name, layer);
  return { name, layer, config };
}

/** A user's class or an operation on tensors may have the name of a layer but compute something else. */
function checkOrigin(name: string, { className, source }: KerasObject): void {
  const module = getOwn(source, "module") ?? "";
  const registered = getOwn(source, "registered_name") ?? "";
  const isOperation = typeof module === "string" && module.includes(".ops");
  // x + y of two tensors is the same as an Add layer.
  if (isOperation && className !== "Add") {
    refuseLayer(
      name,
      `the operation ${shorten(className)} on tensors is not supported. Use a layer instead.`,
    );
  }
  if (typeof registered === "string" && registered.includes(">")) {
    refuseLayer(name, `the class ${quote(registered)} does not belong to Keras.`);
  }
}

function chainLayers(listed: readonly ListedLayer[], settings: JsonObject) {
  const first = listed[0]!;
  const isInput = first.layer.className === "InputLayer";
  if (isInput) checkInputLayer(first);
  const inputShape =
    readBatchShape(first.name, first.config) ??
    readBatchShape(first.name, { batch_shape: getOwn(settings, "build_input_shape") });
  if (inputShape === undefined) {
    refuseNetwork("the model has no input shape. Start it with an Input layer, or build it.");
  }
  const inputName = isInput ? first.name : "";
  const rest = isInput ? listed.slice(1) : listed;
  const layers = rest.map(({ name, layer, config }, index) => ({
    name,
    className: layer.className,
    config,
    inputs: [rest[index - 1]?.name ?? inputName],
  }));
  return { inputShape, inputName, outputName: layers.at(-1)?.name ?? inputName, layers };
}

function connectLayers(listed: readonly ListedLayer[], settings: JsonObject) {
  const inputs = listed.filter(({ layer }) => layer.className === "InputLayer");
  const inputName = readEndpoint(settings, "input_layers");
  const outputName = readEndpoint(settings, "output_layers");
  if (inputs.length !== 1 || inputName !== inputs[0]!.name) {
    refuseNetwork(
      `the model has ${inputs.length} inputs (${inputs.map(({ name }) => quote(name)).join(", ")}), and only one is supported.`,
    );
  }
  if (outputName === undefined)
    refuseNetwork("the model does not have exactly one output, and only one is supported.");
  checkInputLayer(inputs[0]!);
  const inputShape = readBatchShape(inputName, inputs[0]!.config);
  if (inputShape === undefined) refuseLayer(inputName, "it has no batch_shape.");
  const layers = listed
    .filter(({ layer }) => layer.className !== "InputLayer")
    .map(({ name, layer, config }) => ({
      name,
      className: layer.className,
      config,
      inputs: readInputNames(name, layer),
    }));
  return { inputShape, inputName, outputName, layers: sortLayers(layers, inputName) };
}

/** Topological order, which keeps the file's order where possible (Kahn, 1962). */
function sortLayers(layers: readonly PlacedLayer[], inputName: string): PlacedLayer[] {
  const names = new Set([inputName]);
  for (const { name } of layers) {
    if (names.has(name)) refuseLayer(name, "another layer has the same name.");
    names.add(name);
  }
  for (const { name, inputs } of layers) {
    if (inputs.length === 0) refuseLayer(name, "it has no inputs.");
    const missing = inputs.find((input) => !names.has(input));
    if (missing !== undefined) {
      refuseLayer(name, `its input ${quote(missing)} is not a layer of the model.`);
    }
  }
  const sorted: PlacedLayer[] = [];
  const ready = new Set([inputName]);
  let waiting = layers;
  while (waiting.length > 0) {
    const next = waiting.find(({ inputs }) => inputs.every((input) => ready.has(input)));
    if (next === undefined) {
      refuseLayer(waiting[0]!.name, "it is part of a cycle, or depends on one.");
    }
    sorted.push(next);
    ready.add(next.name);
    waiting = waiting.filter((layer) => layer !== next);
  }
  return sorted;
}

function checkInputLayer({ name, layer, config }: ListedLayer): void {
  const options = new Options(name, layer.className, config);
  readCommonOptions(options);
  for (const key of ["sparse", "ragged", "optional"]) options.expect(key, [false]);
  options.finish();
}

/** batch_shape in Keras 3, batch_input_shape in Keras 2 and TensorFlow.js. @returns undefined if there is neither */
function readBatchShape(name: string, config: JsonObject): readonly number[] | undefined {
  const value = getOwn(config, "batch_shape") ?? getOwn(config, "batch_input_shape");
  if (value === undefined) return undefined;
  const shape = Array.isArray(value) ? (value as unknown[]).slice(1) : [];
  if (shape.length > 0 && shape.every((side) => typeof side === "number")) return shape;
  return refuseLayer(
    name,
    `its input shape ${describe(value)} is not fully known. Specify every side except the batch.`,
  );
}
