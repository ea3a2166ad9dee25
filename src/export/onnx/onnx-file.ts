// An inference model as an ONNX file (onnx.ai), for onnxruntime and others. Pure.
import { INPUT } from "../../shared/network/keras/keras-names.js";
import { GENERATOR } from "../export-format.js";
import { buildInferenceGraph } from "../inference-graph.js";
import type { InferenceModel } from "../inference-model.js";
import { OnnxLowering } from "./lower-onnx.js";
import { encodeOnnxModel, onnxBeginning } from "./onnx-proto.js";

/** Keys of the model's metadata, for the class names and the table's columns; the values are JSON. */
const CLASS_NAMES_KEY = "class_names";
const TABLE_KEY = "table";

/** The file in pieces. Inputs are [N,…inputShape] with channels last. */
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

/** The first bytes of a file that Tandem wrote. */
export const ONNX_BEGINNING = onnxBeginning(GENERATOR);
