// Writes only the first images of MNIST, for runs on machines that are too slow for all of them.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mnistFolder } from "../dist/shared/data/files/mnist.js";

/** Bytes before the data (yann.lecun.com/exdb/mnist), and bytes per image or label. */
const FORMATS = /** @type {const} */ ({
  "images-idx3-ubyte": { headerBytes: 16, itemBytes: 28 * 28 },
  "labels-idx1-ubyte": { headerBytes: 8, itemBytes: 1 },
});
const COUNT_AT = 4;

/** @param {string} folder is made @param {{train: number, t10k: number}} counts of images */
export function writeSmallMnist(folder, counts) {
  mkdirSync(folder);
  for (const [set, count] of Object.entries(counts)) {
    for (const [format, { headerBytes, itemBytes }] of Object.entries(FORMATS)) {
      const name = `${set}-${format}`;
      const file = readFileSync(join(mnistFolder(), name));
      const bytes = Buffer.from(file.subarray(0, headerBytes + count * itemBytes));
      bytes.writeUInt32BE(count, COUNT_AT);
      writeFileSync(join(folder, name), bytes);
    }
  }
}
