// A small data set of noise in MNIST's format, so that runs spend their time on messages.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../../dist/shared/random.js";

/** The smallest images for which the preset `cnn` has two gradient buckets. */
const SIDE = 16;
const CLASSES = 10;

/** @param {string} folder */
export function writeSmallData(folder) {
  mkdirSync(folder);
  const random = new Random(1, "fuzz/data");
  for (const [name, count] of /** @type {const} */ ([
    ["train", 200],
    ["t10k", 60],
  ])) {
    const images = Buffer.alloc(16 + count * SIDE * SIDE);
    [0x803, count, SIDE, SIDE].forEach((value, index) => images.writeUInt32BE(value, 4 * index));
    for (let at = 16; at < images.length; at++) images[at] = random.below(256);
    const labels = Buffer.alloc(8 + count);
    [0x801, count].forEach((value, index) => labels.writeUInt32BE(value, 4 * index));
    for (let index = 0; index < count; index++) labels[8 + index] = index % CLASSES;
    writeFileSync(join(folder, `${name}-images-idx3-ubyte`), images);
    writeFileSync(join(folder, `${name}-labels-idx1-ubyte`), labels);
  }
}
