// What a tree of relays carries, by arithmetic: bytes through each node's link, and from them the time of a step where links are
// what limits it. Measured bytes stand beside it in tree.mjs. Pure.
import { buildNetwork } from "../../dist/shared/network/build.js";
import { isFactored } from "../../dist/shared/network/gradient-form.js";
import { sizeOf } from "../../dist/shared/network/network.js";
import { presetNetwork } from "../../dist/shared/network/presets.js";

const network = buildNetwork(presetNetwork("cnn", [28, 28, 1], 10));

/** Header, padding and the WebSocket's frame of a message. */
const MESSAGE_BYTES = 160;
const CHUNK_MB = 2 ** 19 / 1e6;

/**
 * The bytes of one step's parts.
 * @param {number} samples in a shard
 */
export function partsOf(samples) {
  let [dense, factors, weights] = [0, 0, 0];
  for (const parameter of network.parameters) {
    const size = 4 * sizeOf(parameter.shape);
    const [inputs = 0, outputs = 0] = parameter.shape;
    weights += size;
    if (isFactored(parameter, samples)) factors += 4 * samples * (inputs + outputs);
    else dense += size;
  }
  const statistics = network.statistics.reduce((total, { channels }) => total + 8 * channels, 0);
  // A byte for each pixel, and a class number.
  return { dense, factors, statistics, state: weights + statistics, task: (28 * 28 + 4) * samples };
}

/** Complete subtrees that so many consecutive shards from `from` on fall into. @param {number} from @param {number} count */
export function subtreeCount(from, count) {
  let subtrees = 0;
  for (let at = from; at < from + count; subtrees++) {
    let size = 1;
    while (at % (2 * size) === 0 && at + 2 * size <= from + count) size *= 2;
    at += size;
  }
  return subtrees;
}

/**
 * MB that go up and down per step through the link of a node above `children`, with `--broadcast weights`.
 * @param {readonly number[]} children shards behind each; a worker has one, and adds nothing up
 * @param {number} samples per shard
 */
export function linkOf(children, samples) {
  const { dense, factors, statistics, state, task } = partsOf(samples);
  const buckets = 2;
  let [up, down, from] = [0, 0, 0];
  for (const shards of children) {
    const sums = shards === 1 ? 1 : subtreeCount(from, shards);
    up += sums * (dense + buckets * MESSAGE_BYTES);
    up += shards * (factors + statistics + buckets * MESSAGE_BYTES);
    down += state + shards * (task + MESSAGE_BYTES);
    from += shards;
  }
  return { up: up / 1e6, down: down / 1e6 };
}

/**
 * ms of a step on a tree where every node has `fanOut` children, down to as many workers as machines. Weights are sent on while
 * they arrive, and answers are small beside what a link carries in a step, so that the busiest link counts each way; each level
 * adds the time of a chunk (512 KiB) down.
 * @param {{machines: number, fanOut: number, samples: number, sampleMs: number, gigabits: number}} shape
 */
export function treeStepMs({ machines, fanOut, samples, sampleMs, gigabits }) {
  const ms = (/** @type {number} */ mb) => (8 * mb) / gigabits;
  let [below, down, up, levels] = [machines, 0, 0, 0];
  while (below > 1) {
    const count = Math.min(fanOut, below);
    const each = Math.ceil(below / count);
    const link = linkOf(Array(count).fill(each), samples);
    levels++;
    down = Math.max(down, ms(link.down));
    up = Math.max(up, ms(link.up));
    below = each;
  }
  return samples * sampleMs + up + down + (levels - 1) * ms(CHUNK_MB);
}

/** A ring: each machine sends and receives all gradients once over. @param {{machines: number, samples: number, sampleMs: number, gigabits: number}} shape */
export function ringStepMs({ machines, samples, sampleMs, gigabits }) {
  const bytes = 4 * network.parameters.reduce((total, { shape }) => total + sizeOf(shape), 0);
  const moved = (2 * bytes * (machines - 1)) / machines;
  return samples * sampleMs + (8 * moved) / (gigabits * 1e6);
}
