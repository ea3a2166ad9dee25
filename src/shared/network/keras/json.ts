// Text → a Keras model as JSON: checks size and nesting, and finds the model in the formats that contain one. Pure.
import { refuseNetwork } from "../problem.js";

/** UTF-16 code units. A network of 1,000 layers has about a million. */
const MAX_TEXT_LENGTH = 2 ** 24;

/** Keras's own files have about twelve levels. */
const MAX_DEPTH = 64;

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @returns undefined if the object has no such own key, or its value is null */
export function getOwn(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? (object[key] ?? undefined) : undefined;
}

/** A model or a layer in Keras's format. */
export interface KerasObject {
  className: string;
  config: unknown;
  /** The object itself, with keys other than class_name and config. */
  source: JsonObject;
}

/** @returns undefined if it is not an object with a class_name */
export function asKerasObject(value: unknown): KerasObject | undefined {
  if (!isObject(value)) return undefined;
  const className = getOwn(value, "class_name");
  if (typeof className !== "string") return undefined;
  return { className, config: getOwn(value, "config"), source: value };
}

/** The model in the output of Keras's `to_json()` or tfjs's `toJSON()`, or in a tfjs `model.json`. */
export function parseModel(text: string): KerasObject {
  const content = parseJson(text);
  // JSON.stringify(model.toJSON()) is a JSON string that contains JSON.
  const file = typeof content === "string" ? parseJson(content) : content;
  if (!isObject(file)) refuseNotKeras();
  if (getOwn(file, "format") === "graph-model") {
    refuseNetwork(
      "the file holds a TensorFlow.js graph model, which has ops in place of layers. Convert it to a layers model.",
    );
  }
  const topology = getOwn(file, "modelTopology") ?? file;
  const config = isObject(topology) ? getOwn(topology, "model_config") : undefined;
  return asKerasObject(config ?? topology) ?? refuseNotKeras();
}

function parseJson(text: string): unknown {
  if (text.length > MAX_TEXT_LENGTH) {
    refuseNetwork(
      `the file has ${text.length} characters, and at most ${MAX_TEXT_LENGTH} are allowed.`,
    );
  }
  const json = text.replace(/^\ufeff/, "");
  if (measureDepth(json) > MAX_DEPTH) {
    refuseNetwork(`the file nests objects and arrays more than ${MAX_DEPTH} deep.`);
  }
  try {
    return JSON.parse(json);
  } catch (error) {
    return refuseNetwork(
      "the file is not JSON. Write it with Keras's model.to_json(), or TensorFlow.js's model.toJSON().",
      { cause: error },
    );
  }
}

/** The nesting of brackets outside of strings. Checked before parsing, which would create an object per level. */
function measureDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (inString) {
      if (character === "\\") index++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "[" || character === "{") deepest = Math.max(deepest, ++depth);
    else if (character === "]" || character === "}") depth--;
  }
  return deepest;
}

function refuseNotKeras(): never {
  refuseNetwork(
    "the file is JSON, but not a Keras model: it has no class_name and config. Write it with Keras's model.to_json(), or TensorFlow.js's model.toJSON().",
  );
}
