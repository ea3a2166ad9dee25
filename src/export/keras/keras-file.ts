// A .keras file as Keras 3 saves it (keras/src/saving/saving_lib.py): a zip of the configuration, metadata and weights. Pure.
import { type ExportFile, GENERATOR } from "../export-format.js";
import type { InferenceModel } from "../inference-model.js";
import { encodeHdf5, type Hdf5Group } from "./hdf5.js";
import { kerasConfig } from "./keras-json.js";
import { type KerasLayer, kerasLayersOf } from "./keras-model.js";
import { encodeZip } from "./zip.js";

/** The oldest Keras that reads the file. */
const KERAS_VERSION = "3.0.0";

/** How the metadata begin, which are first in the archive: an earlier export is recognized by this. */
export const KERAS_MARK = `{"generator":"${GENERATOR}"`;

/** The file in pieces. */
export function encodeKeras(model: InferenceModel): Uint8Array[] {
  const layers = kerasLayersOf(model);
  const { classNames, table } = model;
  const metadata = {
    generator: GENERATOR,
    keras_version: KERAS_VERSION,
    ...(classNames ? { class_names: classNames } : {}),
    ...(table ? { table } : {}),
  };
  return encodeZip([
    textFile("metadata.json", metadata),
    textFile("config.json", kerasConfig(layers)),
    { path: "model.weights.h5", pieces: encodeHdf5(weightGroups(layers)) },
  ]);
}

/** layers/CLASS/vars/0, layers/CLASS_1/vars/0, …: Keras finds layers by their class and their order within it, not by their names. */
function weightGroups(layers: readonly KerasLayer[]): Hdf5Group {
  const groups: Hdf5Group = {};
  const counts = new Map<string, number>();
  for (const { className, weights } of layers) {
    const count = counts.get(className) ?? 0;
    counts.set(className, count + 1);
    const snake = toSnakeCase(className);
    const vars = weights.map(
      ({ shape, values }, index) => [`${index}`, { shape, values }] as const,
    );
    groups[count === 0 ? snake : `${snake}_${count}`] = { vars: Object.fromEntries(vars) };
  }
  return { layers: groups, vars: {} };
}

/** As in keras/src/utils/naming.py: Conv2D is conv2d, MaxPooling2D is max_pooling2d, LeakyReLU is leaky_re_lu. */
function toSnakeCase(name: string): string {
  return name
    .replaceAll(/\W+/g, "")
    .replaceAll(/(.)([A-Z][a-z]+)/g, "$1_$2")
    .replaceAll(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
}

function textFile(path: string, content: object): ExportFile {
  return { path, pieces: [new TextEncoder().encode(JSON.stringify(content))] };
}
