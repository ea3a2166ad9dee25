// Dropout masks (Srivastava et al., 2014). Each value of a mask is a function of the seed, the step, the layer, the sample's
// position in the global batch and the value's position in the sample, so it does not depend on the shards. Pure.
import { philox } from "../philox.js";

const WORD = 2 ** 32;
/** Numbers in one block of the generator. */
const BLOCK = 4;

export interface DropoutMaskOptions {
  /** The run's: an integer from 0 to 2⁵³ − 1. */
  seed: number;
  /** From 0, below 2³². */
  step: number;
  /** The layer's name. */
  layer: string;
  /** The probability of 0: at least 0, below 1. */
  rate: number;
  /** Position of the shard's first sample in the global batch. */
  firstSample: number;
  /** Samples of the shard. */
  count: number;
  /** Values of one sample. */
  size: number;
}

/** @returns [count × size]: 0 with the probability `rate`, else 1/(1 − rate) */
export function dropoutMask({
  seed,
  step,
  layer,
  rate,
  firstSample,
  count,
  size,
}: DropoutMaskOptions): Float32Array {
  const mask = new Float32Array(count * size);
  const [seedLow, seedHigh] = [seed % WORD, Math.floor(seed / WORD)];
  const layerHash = hashName(layer);
  const threshold = rate * WORD;
  const scale = 1 / (1 - rate);
  const block = new Uint32Array(BLOCK);
  for (let sample = 0; sample < count; sample++) {
    for (let from = 0; from < size; from += BLOCK) {
      block[0] = from / BLOCK;
      block[1] = firstSample + sample;
      block[2] = step;
      block[3] = layerHash;
      philox(block, seedLow, seedHigh);
      const end = Math.min(BLOCK, size - from);
      for (let index = 0; index < end; index++) {
        mask[sample * size + from + index] = block[index]! < threshold ? 0 : scale;
      }
    }
  }
  return mask;
}

/** FNV-1a over UTF-16 code units, low byte first (Fowler, Noll and Vo): enough to tell a network's layers apart. */
function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    const unit = name.charCodeAt(index);
    for (const byte of [unit & 0xff, unit >>> 8]) hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash >>> 0;
}
