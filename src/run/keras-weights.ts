// Reads a layers model in TensorFlow.js's format: model.json with the network and a weights manifest, and the binary files next to
// it that the manifest names (tensorflowjs README, "Format conversion"; Keras models can be converted to it).
import { readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import * as z from "zod";
import { messageOf, TandemError } from "../shared/errors.js";
import { type KerasNetwork, readKerasNetwork } from "../shared/network/keras-json.js";
import { MAX_LAYERS, MAX_PARAMETER_VALUES, MAX_RANK } from "../shared/network/limits.js";
import { sizeOf } from "../shared/network/network.js";
import { quote } from "../shared/network/problem.js";
import { isAllFinite } from "../shared/replica/finite.js";
import type { NamedTensor } from "../shared/replica/tensors.js";
import { readNetworkFile } from "./network-file.js";

/** Per layer: kernel or depthwise kernel [h,w,C,M], bias, and batch normalisation's two parameters and two statistics. */
const MAX_TENSORS = 6 * MAX_LAYERS;
const MAX_NAME_LENGTH = 1000;

const weightSchema = z.object({
  name: z.string().min(1).max(MAX_NAME_LENGTH),
  shape: z.array(z.number().int().min(1).max(MAX_PARAMETER_VALUES)).max(MAX_RANK + 1),
  dtype: z.string().max(MAX_NAME_LENGTH),
  quantization: z.unknown().optional(),
});

const manifestSchema = z.array(
  z.object({
    paths: z.array(z.string().min(1).max(MAX_NAME_LENGTH)).max(MAX_TENSORS),
    weights: z.array(weightSchema).max(MAX_TENSORS),
  }),
);

type Weight = z.infer<typeof weightSchema>;

/** @throws TandemError with exit code 2, naming the file and what is wrong with it */
export function readKerasWeights(file: string): KerasNetwork & { tensors: NamedTensor[] } {
  const text = readNetworkFile(file, "--initial");
  const { network, pixelLayer } = readKerasNetwork(text);
  const layers = new Set(network.layers.map(({ name }) => name));
  const { weightsManifest } = JSON.parse(text) as { weightsManifest?: unknown };
  const manifest = manifestSchema.safeParse(weightsManifest);
  if (!manifest.success) {
    throw refusal(
      file,
      "it has no valid weightsManifest. Give a model.json that was saved with its weights.",
    );
  }
  const tensors = manifest.data.flatMap(({ paths, weights }) => {
    for (const weight of weights) checkWeight(file, weight);
    const bytes = readShards(
      file,
      paths,
      4 * weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    );
    let offset = 0;
    return weights.map(({ name, shape }): NamedTensor => {
      const byteLength = 4 * sizeOf(shape);
      const values = new Float32Array(bytes.slice(offset, (offset += byteLength)).buffer);
      if (!isAllFinite(values))
        throw refusal(file, `${quote(name)} holds a number that is not finite.`);
      return { name: tensorName(name, layers), shape, values };
    });
  });
  const names = tensors.map(({ name }) => name);
  const duplicate = names.find((name, index) => names.indexOf(name) !== index);
  if (duplicate !== undefined) throw refusal(file, `it has ${quote(duplicate)} twice.`);
  return { network, pixelLayer, tensors };
}

function checkWeight(file: string, { name, dtype, quantization, shape }: Weight): void {
  if (quantization !== undefined) {
    throw refusal(file, `${quote(name)} is quantized. Convert the model without quantization.`);
  }
  if (dtype !== "float32") throw refusal(file, `${quote(name)} is ${quote(dtype)}, not float32.`);
  if (sizeOf(shape) > MAX_PARAMETER_VALUES) throw refusal(file, `${quote(name)} is too large.`);
}

/** Reads and concatenates the files. */
function readShards(file: string, paths: readonly string[], byteLength: number): Uint8Array {
  if (byteLength > 4 * MAX_PARAMETER_VALUES) throw refusal(file, "its weights are too large.");
  const shards = paths.map((path) => {
    // The manifest is untrusted: it may only name files in its own folder.
    if (basename(path) !== path || path.startsWith(".")) {
      throw refusal(file, `its manifest names ${quote(path)}, which is not a file beside it.`);
    }
    return join(dirname(file), path);
  });
  let found = 0;
  for (const shard of shards) {
    const status = statSync(shard, { throwIfNoEntry: false });
    if (!status?.isFile()) throw refusal(file, `its weights file ${shard} does not exist.`);
    found += status.size;
  }
  if (found !== byteLength) {
    throw refusal(
      file,
      `its weights files have ${found} bytes, but its manifest asks for ${byteLength}.`,
    );
  }
  try {
    return new Uint8Array(Buffer.concat(shards.map((shard) => readFileSync(shard))));
  } catch (error) {
    throw refusal(file, `its weights cannot be read (${messageOf(error)}).`, error);
  }
}

/** Keras's names of a layer's tensors, and Tandem's. */
const NAMES: Record<string, string> = {
  kernel: "kernel",
  bias: "bias",
  gamma: "scale",
  beta: "beta",
  moving_mean: "pop_mean",
  moving_variance: "pop_var",
  depthwise_kernel: "kernel",
  pointwise_kernel: "kernel",
};

/** Translates Keras's LAYER/gamma, or MODEL/LAYER/gamma:0, to LAYER/scale. Unknown names are returned unchanged. */
function tensorName(name: string, layers: ReadonlySet<string>): string {
  const plain = name.replace(/:0$/, "");
  const end = plain.lastIndexOf("/");
  const [path, role] = [plain.slice(0, Math.max(0, end)), plain.slice(end + 1)];
  const layer = layers.has(path) ? path : path.slice(path.indexOf("/") + 1);
  const own = NAMES[role];
  if (own === undefined || !layers.has(layer)) return plain;
  // A separable convolution is a depthwise convolution followed by a 1×1 convolution.
  const isSeparable = role === "depthwise_kernel" && layers.has(`${layer}/depthwise`);
  return isSeparable ? `${layer}/depthwise/${own}` : `${layer}/${own}`;
}

function refusal(file: string, sentence: string, cause?: unknown): TandemError {
  return new TandemError("initial-weights", `The weights in ${file} cannot be used: ${sentence}`, {
    cause,
  });
}
