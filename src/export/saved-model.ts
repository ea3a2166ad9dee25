// TensorFlow's SavedModel (tensorflow/core/protobuf/saved_model.proto, meta_graph.proto): the inference graph with its weights as
// constants, and one signature. TensorFlow Serving and `tf.saved_model.load` read it. Pure.
import {
  encodeGraphDef,
  NumberType,
  outputName,
  type Output,
} from "../shared/engine/tensorflow/graph-def.js";
import { lowerGraph } from "../shared/engine/tensorflow/lower.js";
import type { Value } from "../shared/graph/graph.js";
import { INPUT } from "../shared/network/keras/keras-names.js";
import { encodeBytes, encodeInteger, encodeMessage, encodeText } from "../shared/protobuf.js";
import { type ExportFile, GENERATOR } from "./export-format.js";
import { buildInferenceGraph } from "./inference-graph.js";
import type { InferenceModel } from "./inference-model.js";

/** tensorflow/python/saved_model/tag_constants.py and signature_constants.py */
const TAG = "serve";
const SIGNATURE = "serving_default";
const METHOD = "tensorflow/serving/predict";

/** meta_graph_version, "user specified". It comes first: an earlier export is recognized by it. */
const VERSION = encodeText(1, GENERATOR);
export const SAVED_MODEL_MARK = Buffer.from(VERSION).toString("latin1");

export const SAVED_MODEL_FILE = "saved_model.pb";
/** A folder for additional files of the user (tensorflow/python/saved_model/constants.py). */
export const CLASS_NAMES_FILE = "assets.extra/class_names.txt";
const TABLE_FILE = "assets.extra/table.json";

/** The folder's files: the model, and if it has them, class names, one per line, and the columns of its table. */
export function encodeSavedModelFiles(model: InferenceModel): ExportFile[] {
  const { graph, inputs, outputs } = buildInferenceGraph(model);
  // Not every TensorFlow has oneDNN's kernel for max-pools.
  const lowered = lowerGraph(graph, { hasOneDnnPool: false });
  const infoOf = (value: Value) => encodeTensorInfo(lowered.outputs.get(value)!, value.shape);
  const signature = [
    encodeMap(1, INPUT, infoOf(inputs)),
    ...outputs.map(({ name, value }) => encodeMap(2, name, infoOf(value))),
    encodeText(3, METHOD),
  ];
  const pieces = [
    encodeInteger(1, 1), // saved_model_schema_version
    encodeMessage(2, [
      encodeMessage(1, [VERSION, encodeText(4, TAG)]), // meta_info_def
      encodeBytes(2, encodeGraphDef(lowered.nodes)),
      encodeMap(5, SIGNATURE, signature),
    ]),
  ];
  const { classNames, table } = model;
  // A name with a line feed would be read as two.
  const lines = classNames?.map((name) => `${name.replaceAll(/[\r\n]/g, " ")}\n`).join("");
  return [
    { path: SAVED_MODEL_FILE, pieces },
    ...(lines === undefined ? [] : [textFile(CLASS_NAMES_FILE, lines)]),
    ...(table === undefined ? [] : [textFile(TABLE_FILE, JSON.stringify(table))]),
  ];
}

/** An entry of a map from strings to messages. */
function encodeMap(field: number, key: string, value: readonly Uint8Array[]): Uint8Array {
  return encodeMessage(field, [encodeText(1, key), encodeMessage(2, value)]);
}

/** Fields of TensorInfo: 1 name, 2 type, 3 shape, whose field 2 is a dimension. */
function encodeTensorInfo(output: Output, shape: readonly number[]): Uint8Array[] {
  const sides = shape.map((size) => encodeMessage(2, [encodeInteger(1, size)]));
  return [
    encodeText(1, outputName(output)),
    encodeInteger(2, NumberType.float32),
    encodeMessage(3, sides),
  ];
}

function textFile(path: string, text: string): ExportFile {
  return { path, pieces: [new TextEncoder().encode(text)] };
}
