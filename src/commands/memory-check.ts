// Runs that this machine cannot hold are refused before they start, by what they need at the very least.
import { totalmem } from "node:os";
import { largestShard, networkOfRun, type RunConfig } from "../shared/config.js";
import { TandemError } from "../shared/errors.js";
import { type Network, sizeOf } from "../shared/model/network.js";

const FLOAT_BYTES = 4;
/** Weights and Adam's two slots. */
const STATE_COPIES = 3;
/** No buffer of Node's is larger, and a tensor is written from one and sent in one. */
const MAX_TENSOR_BYTES = 2 ** 32 - 1;

/**
 * @param computesHere whether shards are computed on this machine
 * @throws TandemError `too-large`
 */
export function checkMemory(
  config: RunConfig,
  computesHere: boolean,
  memoryBytes = availableBytes(),
): void {
  const network = networkOfRun(config);
  const { height, width } = network.image;
  const largest = Math.max(...network.parameters.map(({ shape }) => FLOAT_BYTES * sizeOf(shape)));
  const needed = stateBytes(network);
  if (largest > MAX_TENSOR_BYTES || needed > memoryBytes) {
    throw new TandemError(
      "too-large",
      `Images of ${height} × ${width} pixels make a network whose training needs ${gigabytes(needed)} at least${largest > MAX_TENSOR_BYTES ? `, with one tensor of ${gigabytes(largest)}, and none may be larger than 4 GiB` : `; this machine has ${gigabytes(memoryBytes)}`}. Give data with smaller images.`,
    );
  }
  if (!computesHere) return;
  const samples = largestShard(config);
  const shardBytes = samples * activationBytes(network);
  if (needed + shardBytes <= memoryBytes) return;
  throw new TandemError(
    "too-large",
    `A shard of ${samples} samples needs ${gigabytes(shardBytes)} at least; this machine has ${gigabytes(memoryBytes)}. Give a smaller --batch-size or more --shards.`,
  );
}

/** Of the machine, or of the container where that has less. */
function availableBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** TensorFlow's state, and the copy of it that is being written. */
function stateBytes({ parameters }: Network): number {
  const count = parameters.reduce((total, { shape }) => total + sizeOf(shape), 0);
  return 2 * STATE_COPIES * FLOAT_BYTES * count;
}

/** What one sample's forward pass leaves for its backward pass: each layer's output. */
function activationBytes({ image, layers }: Network): number {
  let [height, width, channels] = [image.height, image.width, 1];
  let count = height * width;
  for (const layer of layers) {
    switch (layer.kind) {
      case "convolution":
        channels = layer.filters;
        break;
      case "max-pool":
        [height, width] = [Math.ceil(height / 2), Math.ceil(width / 2)];
        break;
      case "dense":
        [height, width, channels] = [1, 1, layer.units];
        break;
      case "batch-norm":
      case "relu":
        break;
      default:
        layer satisfies never;
    }
    count += height * width * channels;
  }
  return FLOAT_BYTES * count;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
