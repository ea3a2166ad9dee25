// A model of a tree of relays: the bytes through each node's link, and the time of a step if the links are the bottleneck. tree.mjs
// compares it with measurements. Pure.
import { buildNetwork } from "../../dist/shared/network/build.js";
import { isFactored } from "../../dist/shared/network/gradient-form.js";
import { sizeOf } from "../../dist/shared/network/network.js";
import { presetNetwork } from "../../dist/shared/network/presets.js";

const network = buildNetwork(presetNetwork("cnn", [28, 28, 1], 10));

/** Header, padding and WebSocket frame of a message. */
const MESSAGE_BYTES = 160;
const CHUNK_MB = 2 ** 19 / 1e6;
/** An Ethernet frame of 1,514 bytes carries 1,448 bytes of TCP payload. */
const LINE_FACTOR = 1514 / 1448;

/** @param {number} mb @param {number} gigabits */
const linkMs = (mb, gigabits) => (8 * mb * LINE_FACTOR) / gigabits;

/**
 * The sizes of a step's payloads, in bytes.
 * @param {number} samples per shard
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
  // One byte per pixel, and the class as four bytes.
  return { dense, factors, statistics, state: weights + statistics, task: (28 * 28 + 4) * samples };
}

/** Number of complete subtrees that `count` consecutive shards, starting at `from`, consist of. @param {number} from @param {number} count */
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
 * MB sent up and down per step through the link of a node that has `children`, with `--broadcast weights`.
 * @param {readonly number[]} children number of shards of each child; a worker has one, and sums nothing
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

/** One level of a tree: the number of children per node, and of shards per child. @typedef {{children: number, shards: number}} Level */

/** The levels of a tree with the given fan-outs, such as [4, 8]: 4 relays with 8 workers each. @param {readonly number[]} fanOuts @returns {Level[]} */
export function levelsOf(fanOuts) {
  return fanOuts.map((children, index) => {
    return {
      children,
      shards: fanOuts.slice(index + 1).reduce((product, next) => product * next, 1),
    };
  });
}

/** The levels of a tree of `machines` machines in which each node has `fanOut` children or fewer. @param {number} machines @param {number} fanOut */
export function levelsFor(machines, fanOut) {
  /** @type {Level[]} */
  const levels = [];
  for (let below = machines; below > 1; below = levels.at(-1)?.shards ?? 1) {
    const children = Math.min(fanOut, below);
    levels.push({ children, shards: Math.ceil(below / children) });
  }
  return levels;
}

/**
 * Milliseconds per step on a tree. Weights and factors are forwarded while they arrive, so in each direction the busiest link
 * counts; each level adds the time of a chunk (512 KiB) downwards.
 * @param {{levels: readonly Level[], samples: number, computeMs: number, ownMs?: number, gigabits: number}} shape `ownMs`: the
 * coordinator's own time per step
 */
export function treeStepMs({ levels, samples, computeMs, ownMs = 0, gigabits }) {
  const links = levels.map(({ children, shards }) => linkOf(Array(children).fill(shards), samples));
  const busiest = (/** @type {"up" | "down"} */ way) =>
    Math.max(...links.map((link) => linkMs(link[way], gigabits)));
  const forwarding = (levels.length - 1) * linkMs(CHUNK_MB, gigabits);
  return ownMs + computeMs + busiest("up") + busiest("down") + forwarding;
}

/** A ring all-reduce: each machine sends and receives about twice all gradients. @param {{machines: number, computeMs: number, gigabits: number}} shape */
export function ringStepMs({ machines, computeMs, gigabits }) {
  const bytes = 4 * network.parameters.reduce((total, { shape }) => total + sizeOf(shape), 0);
  const moved = (2 * bytes * (machines - 1)) / machines;
  return computeMs + linkMs(moved / 1e6, gigabits);
}
