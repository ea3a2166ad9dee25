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
/** Ethernet frames of 1,514 bytes carry 1,448 of TCP's. */
const LINE_FACTOR = 1514 / 1448;

/** @param {number} mb @param {number} gigabits */
const linkMs = (mb, gigabits) => (8 * mb * LINE_FACTOR) / gigabits;

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

/** One level of a tree: how many children each node has, and how many shards are behind each child. @typedef {{children: number, shards: number}} Level */

/** Of a tree of which each level has its own fan-out, such as [4, 8]: 4 relays with 8 workers each. @param {readonly number[]} fanOuts @returns {Level[]} */
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
 * ms of a step on a tree. Weights are sent on while they arrive, and so are factors, so that the busiest link counts each way; each
 * level adds the time of a chunk (512 KiB) down.
 * @param {{levels: readonly Level[], samples: number, computeMs: number, ownMs?: number, gigabits: number}} shape `ownMs`: what
 * the coordinator itself takes per step
 */
export function treeStepMs({ levels, samples, computeMs, ownMs = 0, gigabits }) {
  const links = levels.map(({ children, shards }) => linkOf(Array(children).fill(shards), samples));
  const busiest = (/** @type {"up" | "down"} */ way) =>
    Math.max(...links.map((link) => linkMs(link[way], gigabits)));
  const forwarding = (levels.length - 1) * linkMs(CHUNK_MB, gigabits);
  return ownMs + computeMs + busiest("up") + busiest("down") + forwarding;
}

/** A ring: each machine sends and receives all gradients once over. @param {{machines: number, computeMs: number, gigabits: number}} shape */
export function ringStepMs({ machines, computeMs, gigabits }) {
  const bytes = 4 * network.parameters.reduce((total, { shape }) => total + sizeOf(shape), 0);
  const moved = (2 * bytes * (machines - 1)) / machines;
  return computeMs + linkMs(moved / 1e6, gigabits);
}
