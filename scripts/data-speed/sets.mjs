// Writes the same images of MNIST in each kind of file that `--data` reads, for scripts that compare them.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeZip } from "../../dist/export/keras/zip.js";
import { writePictures } from "../data-runs/pictures.mjs";
import { writeSmallMnist } from "../small-mnist.mjs";

export const SIDE = 28;
const PIXELS = SIDE * SIDE;

/** @typedef {{ images: Buffer, labels: Buffer, count: number }} Images */
/** @typedef {{ train: Images, test: Images }} ImageSets */

/**
 * @param {string} folder is made, with the IDX files
 * @param {number} trainCount
 * @param {number} testCount
 */
export function writeIdx(folder, trainCount, testCount) {
  writeSmallMnist(folder, { train: trainCount, t10k: testCount });
}

/** @param {string} folder that `writeIdx` made @returns {ImageSets} */
export function readImages(folder) {
  const read = (/** @type {string} */ set) => {
    const images = readFileSync(join(folder, `${set}-images-idx3-ubyte`)).subarray(16);
    const labels = readFileSync(join(folder, `${set}-labels-idx1-ubyte`)).subarray(8);
    return { images, labels, count: labels.length };
  };
  return { train: read("train"), test: read("t10k") };
}

/** Files `x_train.npy` and so on. @param {ImageSets} sets @returns {{ path: string, pieces: Uint8Array[] }[]} */
function arraysOf(sets) {
  return Object.entries(sets).flatMap(([name, { images, labels, count }]) => [
    { path: `x_${name}.npy`, pieces: [npyHeader([count, SIDE, SIDE]), images] },
    { path: `y_${name}.npy`, pieces: [npyHeader([count]), labels] },
  ]);
}

/** Header of an array of bytes (numpy.lib.format, version 1.0). @param {number[]} shape */
function npyHeader(shape) {
  const dictionary = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  return Buffer.from(`\x93NUMPY\x01\x00\x76\x00${dictionary.padEnd(117)}\n`, "latin1");
}

/** @param {string} folder is made @param {ImageSets} sets */
export function writeNpy(folder, sets) {
  mkdirSync(folder);
  for (const { path, pieces } of arraysOf(sets)) {
    writeFileSync(join(folder, path), Buffer.concat(pieces));
  }
}

/** Uncompressed, as `np.savez` writes it. @param {string} file @param {ImageSets} sets */
export function writeNpz(file, sets) {
  writeFileSync(file, Buffer.concat(encodeZip(arraysOf(sets))));
}

/** A column for each pixel, in `train.csv` and `test.csv`. @param {string} folder is made @param {ImageSets} sets */
export function writeCsv(folder, sets) {
  mkdirSync(folder);
  const names = Array.from({ length: PIXELS }, (_, pixel) => `pixel${pixel}`);
  for (const [name, { images, labels, count }] of Object.entries(sets)) {
    const rows = Array.from({ length: count }, (_, row) =>
      [...images.subarray(row * PIXELS, (row + 1) * PIXELS), labels[row]].join(","),
    );
    const lines = [[...names, "label"].join(","), ...rows];
    writeFileSync(join(folder, `${name}.csv`), `${lines.join("\n")}\n`);
  }
}

/** `train/seven/00012.png` and so on. @param {string} folder is made @param {ImageSets} sets */
export async function writePng(folder, { train, test }) {
  // There, a sixth of the pictures are test pictures.
  await writePictures(folder, train.count + test.count);
}
