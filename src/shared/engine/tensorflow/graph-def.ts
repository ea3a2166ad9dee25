// TensorFlow's nodes, and the two formats that contain them: GraphDef (tensorflow/core/framework/graph.proto, node_def.proto,
// attr_value.proto), which TensorBoard displays, and SavedModel (core/protobuf/saved_model.proto, meta_graph.proto), from which
// sessions are opened. Pure.
import {
  encodeBytes,
  encodeFloat,
  encodeInteger,
  encodeLittleEndian,
  encodeMessage,
  encodeText,
} from "../../protobuf.js";

/** One output of a node. */
export interface Output {
  readonly node: string;
  readonly index: number;
}

/** types.proto */
export const NumberType = { float32: 1, float64: 2, int32: 3, bool: 10 } as const;
export type NumberType = (typeof NumberType)[keyof typeof NumberType];

export type Attribute =
  | { type: NumberType }
  /** −1 for a side that is only known when the graph is run. */
  | { shape: readonly number[] }
  | { integer: number }
  | { integers: readonly number[] }
  | { number: number }
  | { flag: boolean }
  | { text: string }
  | { tensor: { shape: readonly number[]; values: Float32Array | Int32Array } };

export type Attributes = Readonly<Record<string, Attribute>>;

export interface NodeDef {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly Output[];
  /** Nodes that must run first. */
  readonly after: readonly string[];
  readonly attributes: Attributes;
}

/** versions.proto: the producer version of TensorFlow 2's graphs. */
const PRODUCER = 1395;
/** The tag of the SavedModel's graph. */
export const GRAPH_TAG = "tandem";

/** A serialised GraphDef. */
export function encodeGraphDef(nodes: readonly NodeDef[]): Uint8Array {
  return Buffer.concat(graphFields(nodes));
}

/** A serialised SavedModel without values of variables: nodes of the graph create and fill these. */
export function encodeSavedModel(nodes: readonly NodeDef[]): Uint8Array {
  const metaInfo = encodeMessage(1, [encodeText(4, GRAPH_TAG)]);
  return Buffer.concat([
    encodeInteger(1, 1), // saved_model_schema_version
    encodeMessage(2, [metaInfo, encodeMessage(2, graphFields(nodes))]),
  ]);
}

/** The name under which a session feeds and fetches an output. */
export function outputName({ node, index }: Output): string {
  return `${node}:${index}`;
}

/** Fields of GraphDef: 1 nodes, 4 versions. */
function graphFields(nodes: readonly NodeDef[]): Uint8Array[] {
  return [...nodes.map(encodeNode), encodeMessage(4, [encodeInteger(1, PRODUCER)])];
}

/** Fields of NodeDef: 1 name, 2 op, 3 inputs, 5 map of attributes. */
function encodeNode({ name, op, inputs, after, attributes }: NodeDef): Uint8Array {
  return encodeMessage(1, [
    encodeText(1, name),
    encodeText(2, op),
    ...inputs.map((input) => encodeText(3, input.index === 0 ? input.node : outputName(input))),
    ...after.map((node) => encodeText(3, `^${node}`)),
    ...Object.entries(attributes).map(([key, value]) =>
      encodeMessage(5, [encodeText(1, key), encodeMessage(2, [encodeAttribute(value)])]),
    ),
  ]);
}

/** Fields of AttrValue: 1 list (whose field 3 is integers), 2 bytes, 3 integer, 4 float, 5 bool, 6 type, 7 shape, 8 tensor. */
function encodeAttribute(value: Attribute): Uint8Array {
  if ("type" in value) return encodeInteger(6, value.type);
  if ("shape" in value) return encodeMessage(7, encodeShape(value.shape));
  if ("integer" in value) return encodeInteger(3, value.integer);
  if ("integers" in value) {
    return encodeMessage(
      1,
      value.integers.map((each) => encodeInteger(3, each)),
    );
  }
  if ("number" in value) return encodeFloat(4, value.number);
  if ("flag" in value) return encodeInteger(5, value.flag);
  if ("text" in value) return encodeText(2, value.text);
  return encodeTensor(value.tensor.shape, value.tensor.values);
}

/** Fields of TensorProto: 1 type, 2 shape, 4 content. */
function encodeTensor(shape: readonly number[], values: Float32Array | Int32Array): Uint8Array {
  const type = values instanceof Float32Array ? NumberType.float32 : NumberType.int32;
  return encodeMessage(8, [
    encodeInteger(1, type),
    encodeMessage(2, encodeShape(shape)),
    encodeBytes(4, encodeLittleEndian(values)),
  ]);
}

/** Fields of TensorShapeProto: 2 dimension, whose field 1 is the size. */
function encodeShape(shape: readonly number[]): Uint8Array[] {
  return shape.map((size) => encodeMessage(2, [encodeInteger(1, size)]));
}
