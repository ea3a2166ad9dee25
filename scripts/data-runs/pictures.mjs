// A folder of PNG files made from MNIST, and the same samples as IDX files: training on both must give the same weights.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { data, idx } from "../../dist/index.js";

const NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const SIDE = 28;
const TEST_EVERY = 6;
const AT_ONCE = 64;

/**
 * Writes the first images of MNIST's training set and of its test set to train/seven/00012.png and so on.
 * @param {string} folder is made
 * @param {number} count of pictures
 * @returns {Promise<string>} the folder
 */
export async function writePictures(folder, count) {
  const testCount = Math.floor(count / TEST_EVERY);
  const mnist = await idx();
  const sets = /** @type {const} */ ([
    ["train", mnist.training, count - testCount],
    ["test", mnist.test, testCount],
  ]);
  for (const [name, set, size] of sets) {
    for (const className of NAMES) mkdirSync(join(folder, name, className), { recursive: true });
    for (let from = 0; from < size; from += AT_ONCE) {
      const length = Math.min(AT_ONCE, size - from);
      const { inputs, targets } = await set.gather(
        Uint32Array.from({ length }, (_, index) => from + index),
      );
      await Promise.all(
        Array.from(targets, (label, index) => {
          const pixels = Uint8Array.from(
            inputs.subarray(index * SIDE * SIDE, (index + 1) * SIDE * SIDE),
          );
          const file = join(
            folder,
            name,
            NAMES[label] ?? "",
            `${String(from + index).padStart(5, "0")}.png`,
          );
          return sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 1 } })
            .toColourspace("b-w")
            .png()
            .toFile(file);
        }),
      );
    }
  }
  return folder;
}

/**
 * Writes the samples of a folder of pictures as IDX files, in the order of the validation set and the training set.
 * @param {string} pictures
 * @param {string} folder is made
 * @returns {Promise<string>} the folder
 */
export async function writeAsIdx(pictures, folder) {
  mkdirSync(folder);
  const { training, test } = await data(pictures, { validationSize: 0 });
  await writeIdx(training, join(folder, "train"));
  await writeIdx(test, join(folder, "t10k"));
  return folder;
}

/** @param {import("../../dist/index.js").SampleSet} set @param {string} prefix of the files' names */
async function writeIdx(set, prefix) {
  const { count, inputs, targets } = await set.gather(
    Uint32Array.from({ length: set.count }, (_, index) => index),
  );
  writeFileSync(
    `${prefix}-images-idx3-ubyte`,
    Buffer.concat([header(0x803, count, SIDE, SIDE), Uint8Array.from(inputs)]),
  );
  writeFileSync(
    `${prefix}-labels-idx1-ubyte`,
    Buffer.concat([header(0x801, count), Uint8Array.from(targets)]),
  );
}

/** @param {number[]} values */
function header(...values) {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => bytes.writeUInt32BE(value, 4 * index));
  return bytes;
}
