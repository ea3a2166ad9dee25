// An inference model as an ONNX file (onnx.ai), for onnxruntime and others. Pure.
import { GENERATOR } from "../export-format.js";
import { buildInferenceGraph, INPUT } from "../inference-graph.js";
import type { InferenceModel } from "../inference-model.js";
import { OnnxLowering } from "./lower-onnx.js";
import { encodeOnnxModel, onnxBeginning } from "./onnx-proto.js";

/** The keys of the class names and of the table's columns in the model's metadata; the values are JSON. */
const CLASS_NAMES_KEY = "class_names";
const TABLE_KEY = "table";

/** The file in pieces. Inputs are [N,…inputShape] with channels last, as everywhere in Tandem. */
export function encodeOnnx(model: InferenceModel): Uint8Array[] {
  const { graph, inputs, outputs } = buildInferenceGraph(model);
  const lowering = new OnnxLowering();
  for (const { name } of outputs) lowering.emitter.keepFree(name);
  lowering.lower(graph.nodes);
  for (const { name, value } of outputs) lowering.addOutput(name, value);
  const { nodes, initializers } = lowering.emitter;
  const { classNames, table } = model;
  return encodeOnnxModel({
    producer: GENERATOR,
    nodes,
    initializers,
    inputs: [{ name: INPUT, shape: inputs.shape }],
    outputs: outputs.map(({ name, value }) => ({ name, shape: value.shape })),
    metadata: {
      ...(classNames ? { [CLASS_NAMES_KEY]: JSON.stringify(classNames) } : {}),
      ...(table ? { [TABLE_KEY]: JSON.stringify(table) } : {}),
    },
  });
}

/** The first bytes of a file that Tandem has written. */
export const ONNX_BEGINNING = onnxBeginning(GENERATOR);
