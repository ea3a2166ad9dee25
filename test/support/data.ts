// Small data sets in MNIST's format, made for tests: each class is a bright bar at a place of its own, on noise.
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../../src/shared/random.js";

export interface DataSpec {
  trainCount: number;
  testCount: number;
  height: number;
  width: number;
  classes: number;
}

export const SMALL: DataSpec = { trainCount: 96, testCount: 40, height: 8, width: 10, classes: 4 };

export const FILE_NAMES = {
  trainImages: "train-images-idx3-ubyte",
  trainLabels: "train-labels-idx1-ubyte",
  testImages: "t10k-images-idx3-ubyte",
  testLabels: "t10k-labels-idx1-ubyte",
};

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "tandem-test-"));
}

export function idxImages(count: number, height: number, width: number, pixels: Uint8Array) {
  const header = Buffer.alloc(16);
  [0x803, count, height, width].forEach((value, index) => header.writeUInt32BE(value, 4 * index));
  return Buffer.concat([header, pixels]);
}

export function idxLabels(labels: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  [0x801, labels.length].forEach((value, index) => header.writeUInt32BE(value, 4 * index));
  return Buffer.concat([header, labels]);
}

/** Writes the four files and returns their folder. */
export function writeDataset(spec: DataSpec = SMALL, folder = temporaryFolder()): string {
  mkdirSync(folder, { recursive: true });
  const random = new Random(7, "test data");
  const write = (count: number, images: string, labels: string) => {
    const pixels = new Uint8Array(count * spec.height * spec.width);
    const classes = Uint8Array.from({ length: count }, (_, index) => index % spec.classes);
    classes.forEach((label, image) => {
      for (let pixel = 0; pixel < spec.height * spec.width; pixel++) {
        const isBar = Math.floor((pixel * spec.classes) / (spec.height * spec.width)) === label;
        pixels[image * spec.height * spec.width + pixel] = random.below(80) + (isBar ? 150 : 0);
      }
    });
    writeFileSync(join(folder, images), idxImages(count, spec.height, spec.width, pixels));
    writeFileSync(join(folder, labels), idxLabels(classes));
  };
  write(spec.trainCount, FILE_NAMES.trainImages, FILE_NAMES.trainLabels);
  write(spec.testCount, FILE_NAMES.testImages, FILE_NAMES.testLabels);
  return folder;
}
