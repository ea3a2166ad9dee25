// The inputs of a layer in a functional model, which Keras 2 and TensorFlow.js write as lists, and Keras 3 as calls with
// arguments. Pure.
import { quote, refuseLayer } from "../problem.js";
import { getOwn, isObject, type JsonObject, type KerasObject } from "./json.js";

/** Call arguments that may be false. `training: false` is Dropout's default in Keras 3. */
const NEUTRAL_ARGUMENTS = new Map([["Dropout", ["training"]]]);

/** @returns names of layers; empty for an input layer */
export function readInputNames(name: string, layer: KerasObject): string[] {
  const calls = getOwn(layer.source, "inbound_nodes") ?? [];
  if (!Array.isArray(calls)) refuseLayer(name, "its inbound_nodes are not a list.");
  if (calls.length > 1) {
    refuseLayer(
      name,
      "it is used more than once. Layers that share their weights are not supported.",
    );
  }
  const [call] = calls as unknown[];
  if (call === undefined) return [];
  if (Array.isArray(call)) return readTensorLists(name, layer.className, call);
  if (isObject(call)) return readCall(name, layer.className, call);
  return refuseInput(name);
}

/** Keras 2: [[layer, node, tensor, options], …], or a single one without the outer list. */
function readTensorLists(name: string, className: string, call: readonly unknown[]): string[] {
  const tensors = typeof call[0] === "string" ? [call] : call;
  return tensors.map((tensor) => {
    if (!Array.isArray(tensor)) refuseInput(name);
    const [layer, node, index, options] = tensor as unknown[];
    checkArguments(name, className, options);
    return readTensor(name, [layer, node, index]);
  });
}

/** Keras 3: {args: [tensor] or [[tensor, …]], kwargs: {…}}. */
function readCall(name: string, className: string, call: JsonObject): string[] {
  checkArguments(name, className, getOwn(call, "kwargs"));
  const tensors = [getOwn(call, "args") ?? []].flat(2);
  return tensors.map((tensor) => {
    const config = isObject(tensor) ? getOwn(tensor, "config") : undefined;
    const history = isObject(config) ? getOwn(config, "keras_history") : undefined;
    return readTensor(name, history);
  });
}

function readTensor(name: string, tensor: unknown): string {
  if (!Array.isArray(tensor)) refuseInput(name);
  const [layer, node, index] = tensor as unknown[];
  if (typeof layer !== "string") refuseInput(name);
  if (node !== 0 || index !== 0) {
    refuseLayer(
      name,
      `its input is not the only result of the layer ${quote(layer)}. Layers that are used more than once are not supported.`,
    );
  }
  return layer;
}

function checkArguments(name: string, className: string, values: unknown): void {
  if (!isObject(values)) return;
  for (const key of Object.keys(values)) {
    const value = getOwn(values, key);
    if (value === undefined) continue;
    if (value === false && NEUTRAL_ARGUMENTS.get(className)?.includes(key)) continue;
    refuseLayer(
      name,
      `it is called with the argument ${quote(key)}, which is not supported.${key === "training" ? " Set the layer's trainable to false instead." : ""}`,
    );
  }
}

function refuseInput(name: string): never {
  refuseLayer(name, "one of its inputs is not the result of a layer.");
}

/** The layer's name in input_layers or output_layers, which is [name, 0, 0] or a list with one such entry. */
export function readEndpoint(
  config: JsonObject,
  key: "input_layers" | "output_layers",
): string | undefined {
  const value = getOwn(config, key);
  const endpoint: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (!Array.isArray(endpoint) || typeof endpoint[0] !== "string") return undefined;
  return endpoint[0];
}
