// TensorFlow's nodes and the two formats that hold them: GraphDef (tensorflow/core/framework/graph.proto, node_def.proto,
// attr_value.proto), which TensorBoard draws, and SavedModel (core/protobuf/saved_model.proto, meta_graph.proto), which a
// session is opened from. Pure.
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
  /** −1 for a side that a run alone knows. */
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
  /** Nodes that must have run before. */
  readonly after: readonly string[];
  readonly attributes: Attributes;
}

/** versions.proto: the producer of the graphs of TensorFlow 2. */
const PRODUCER = 1395;
/** The tag by which a SavedModel's graph is found. */
export const GRAPH_TAG = "tandem";

/** A serialised GraphDef. */
export function encodeGraphDef(nodes: readonly NodeDef[]): Uint8Array {
  return Buffer.concat(graphFields(nodes));
}

/** A serialised SavedModel, without variables' values: its nodes create and fill those. */
export function encodeSavedModel(nodes: readonly NodeDef[]): Uint8Array {
  const metaInfo = encodeMessage(1, [encodeText(4, GRAPH_TAG)]);
  return Buffer.concat([
    encodeInteger(1, 1), // saved_model_schema_version
    encodeMessage(2, [metaInfo, encodeMessage(2, graphFields(nodes))]),
  ]);
}

/** As sessions name what is fed and fetched. */
export function outputName({ node, index }: Output): string {
  return `${node}:${index}`;
}

/** Field 1 of GraphDef is its nodes, field 4 its versions. */
function graphFields(nodes: readonly NodeDef[]): Uint8Array[] {
  return [...nodes.map(encodeNode), encodeMessage(4, [encodeInteger(1, PRODUCER)])];
}

/** Of NodeDef 1 is the name, 2 the op, 3 the inputs, 5 the map of attributes. */
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

/** Of AttrValue 1 is the list, 2 bytes, 3 an integer, 4 a float, 5 a bool, 6 a type, 7 a shape, 8 a tensor; of the list 3 is its integers. */
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

/** Of TensorProto 1 is the type, 2 the shape, 4 the content. */
function encodeTensor(shape: readonly number[], values: Float32Array | Int32Array): Uint8Array {
  const type = values instanceof Float32Array ? NumberType.float32 : NumberType.int32;
  return encodeMessage(8, [
    encodeInteger(1, type),
    encodeMessage(2, encodeShape(shape)),
    encodeBytes(4, encodeLittleEndian(values)),
  ]);
}

/** tensor_shape.proto: 2 is a dimension, its field 1 the size. */
function encodeShape(shape: readonly number[]): Uint8Array[] {
  return shape.map((size) => encodeMessage(2, [encodeInteger(1, size)]));
}
