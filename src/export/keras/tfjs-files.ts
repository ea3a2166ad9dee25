// A layers model as TensorFlow.js loads it: model.json, and the weights in files beside it (tfjs-core/src/io/types.ts). Pure.
import { encodeLittleEndian } from "../../shared/protobuf.js";
import { type ExportFile, GENERATOR } from "../export-format.js";
import type { InferenceModel } from "../inference-model.js";
import { tfjsTopology } from "./keras-json.js";
import { kerasLayersOf } from "./keras-model.js";

export const MODEL_FILE = "model.json";
/** How model.json begins: an earlier export is recognized by this. */
export const TFJS_MARK = `{"format":"layers-model","generatedBy":"${GENERATOR}"`;
export const SHARD_NAME = /^group1-shard\d+of\d+\.bin$/;

/** As in TensorFlow.js's converter: browsers cache files of this size. */
const SHARD_BYTES = 4 * 1024 * 1024;

export function encodeTfjsFiles(model: InferenceModel): ExportFile[] {
  const layers = kerasLayersOf(model);
  const weights = layers.flatMap(({ name, weights: own }) =>
    own.map(({ role, shape, values }) => ({ name: `${name}/${role}`, shape, values })),
  );
  const bytes = Buffer.concat(weights.map(({ values }) => encodeLittleEndian(values)));
  const count = Math.ceil(bytes.length / SHARD_BYTES);
  const shards = Array.from({ length: count }, (_, index): ExportFile => {
    const from = index * SHARD_BYTES;
    const path = `group1-shard${index + 1}of${count}.bin`;
    return { path, pieces: [bytes.subarray(from, from + SHARD_BYTES)] };
  });
  const { classNames, table } = model;
  const metadata = { ...(classNames ? { classNames } : {}), ...(table ? { table } : {}) };
  const content = {
    format: "layers-model",
    generatedBy: GENERATOR,
    convertedBy: null,
    modelTopology: tfjsTopology(layers),
    weightsManifest: [
      {
        paths: shards.map(({ path }) => path),
        weights: weights.map(({ name, shape }) => ({ name, shape, dtype: "float32" })),
      },
    ],
    ...(classNames || table ? { userDefinedMetadata: metadata } : {}),
  };
  const text = new TextEncoder().encode(JSON.stringify(content));
  return [...shards, { path: MODEL_FILE, pieces: [text] }];
}
