// Small models as Keras and TensorFlow.js write them.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./data.js";

/** A layer: its class, its name and its options. */
export type KerasLayer = readonly [className: string, name: string, options?: object];

/** A Sequential model's JSON. */
export function sequential(inputShape: readonly number[], layers: readonly KerasLayer[]): string {
  const input = {
    class_name: "InputLayer",
    config: { name: "in", batch_shape: [null, ...inputShape] },
  };
  const configs = layers.map(([className, name, options]) => {
    return { class_name: className, config: { name, ...options } };
  });
  const config = { name: "model", layers: [input, ...configs] };
  return JSON.stringify({ class_name: "Sequential", config });
}

/** Writes a Sequential model's JSON to a file of its own. @returns the path, for `--network` */
export function writeSequential(
  inputShape: readonly number[],
  layers: readonly KerasLayer[],
): string {
  const file = join(temporaryFolder(), "network.json");
  writeFileSync(file, sequential(inputShape, layers));
  return file;
}

export interface StoredWeight {
  name: string;
  shape: number[];
  values: number[];
}

/** Writes model.json and its weights in two files. @returns the path of model.json */
export function writeModel(
  folder: string,
  topology: string,
  weights: readonly StoredWeight[],
  edit: (manifest: Record<string, unknown>[]) => void = () => undefined,
): string {
  const bytes = Buffer.from(Float32Array.from(weights.flatMap(({ values }) => values)).buffer);
  const half = Math.floor(bytes.length / 2);
  writeFileSync(join(folder, "shard1.bin"), bytes.subarray(0, half));
  writeFileSync(join(folder, "shard2.bin"), bytes.subarray(half));
  const manifest = [
    {
      paths: ["shard1.bin", "shard2.bin"],
      weights: weights.map(({ name, shape }) => ({ name, shape, dtype: "float32" })),
    },
  ];
  edit(manifest);
  const file = join(folder, "model.json");
  const model = { modelTopology: { model_config: JSON.parse(topology) as unknown } };
  writeFileSync(file, JSON.stringify({ ...model, weightsManifest: manifest }));
  return file;
}
