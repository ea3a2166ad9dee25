// Encodes the messages of ONNX (onnx/onnx.proto, github.com/onnx/onnx) that exports need. Pure.
import {
  encodeBytes,
  encodeFloat,
  encodeInteger,
  encodeLittleEndian,
  encodeMessage,
  encodeText,
} from "../../shared/protobuf.js";

/** TensorProto.DataType */
const FLOAT = 1;
const INT64 = 7;

/** AttributeProto.AttributeType, and the field that holds the value. */
const ATTRIBUTE = { float: 1, integer: 2, text: 3, integers: 7 } as const;

export type OnnxAttribute =
  { float: number } | { integer: number } | { text: string } | { integers: readonly number[] };

export interface OnnxNode {
  /** The name of the node and of its only output. */
  name: string;
  op: string;
  inputs: readonly string[];
  attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** A named constant. */
export interface OnnxTensor {
  name: string;
  shape: readonly number[];
  /** float32, or int64 for an array of numbers. */
  values: Float32Array | readonly number[];
}

/** An input or output of the graph: float32; −1 in the shape is the number of samples. */
export interface OnnxValue {
  name: string;
  shape: readonly number[];
}

export interface OnnxModel {
  producer: string;
  nodes: readonly OnnxNode[];
  initializers: readonly OnnxTensor[];
  inputs: readonly OnnxValue[];
  outputs: readonly OnnxValue[];
  metadata: Readonly<Record<string, string>>;
}

/** Opset 17 requires version 8 of the format (onnx/docs/Versioning.md). */
const IR_VERSION = 8;
const OPSET = 17;

/** A ModelProto in pieces. */
export function encodeOnnxModel(model: OnnxModel): Uint8Array[] {
  const graph = [
    ...model.nodes.map(encodeNode),
    encodeText(2, "inference"),
    ...model.initializers.map(encodeInitializer),
    ...model.inputs.map((value) => encodeValue(11, value)),
    ...model.outputs.map((value) => encodeValue(12, value)),
  ];
  return [
    onnxBeginning(model.producer),
    encodeMessage(7, graph),
    encodeMessage(8, [encodeText(1, ""), encodeInteger(2, OPSET)]),
    ...Object.entries(model.metadata).map(([key, value]) =>
      encodeMessage(14, [encodeText(1, key), encodeText(2, value)]),
    ),
  ];
}

/** The first bytes of a model of this producer. */
export function onnxBeginning(producer: string): Uint8Array {
  return Buffer.concat([encodeInteger(1, IR_VERSION), encodeText(2, producer)]);
}

/** Fields of NodeProto: 1 inputs, 2 outputs, 3 name, 4 op, 5 attributes. */
function encodeNode({ name, op, inputs, attributes }: OnnxNode): Uint8Array {
  return encodeMessage(1, [
    ...inputs.map((input) => encodeText(1, input)),
    encodeText(2, name),
    encodeText(3, name),
    encodeText(4, op),
    ...Object.entries(attributes).map(([key, value]) =>
      encodeMessage(5, [encodeText(1, key), ...encodeAttribute(value)]),
    ),
  ]);
}

/** Fields of AttributeProto: 2 a float, 3 an integer, 4 bytes, 8 integers, 20 the type. */
function encodeAttribute(value: OnnxAttribute): Uint8Array[] {
  if ("float" in value) return [encodeFloat(2, value.float), encodeInteger(20, ATTRIBUTE.float)];
  if ("integer" in value) {
    return [encodeInteger(3, value.integer), encodeInteger(20, ATTRIBUTE.integer)];
  }
  if ("text" in value) return [encodeText(4, value.text), encodeInteger(20, ATTRIBUTE.text)];
  return [
    ...value.integers.map((each) => encodeInteger(8, each)),
    encodeInteger(20, ATTRIBUTE.integers),
  ];
}

/** Fields of TensorProto: 1 sides, 2 type, 8 name, 9 the values as little-endian bytes. */
function encodeInitializer({ name, shape, values }: OnnxTensor): Uint8Array {
  const isFloat = values instanceof Float32Array;
  return encodeMessage(5, [
    ...shape.map((side) => encodeInteger(1, side)),
    encodeInteger(2, isFloat ? FLOAT : INT64),
    encodeText(8, name),
    encodeBytes(9, isFloat ? encodeLittleEndian(values) : int64Bytes(values)),
  ]);
}

function int64Bytes(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * values.length));
  values.forEach((value, index) => view.setBigInt64(8 * index, BigInt(value), true));
  return new Uint8Array(view.buffer);
}

/** Fields of ValueInfoProto: 1 name, 2 type; of a tensor's type: 1 element type, 2 shape, whose field 1 is a side. */
function encodeValue(field: number, { name, shape }: OnnxValue): Uint8Array {
  const sides = shape.map((side) =>
    encodeMessage(1, [side < 0 ? encodeText(2, "N") : encodeInteger(1, side)]),
  );
  const tensor = [encodeInteger(1, FLOAT), encodeMessage(2, sides)];
  return encodeMessage(field, [encodeText(1, name), encodeMessage(2, [encodeMessage(1, tensor)])]);
}
