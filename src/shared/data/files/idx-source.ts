// The four files of an MNIST-format data set → a data source: training, validation and test samples, checked once.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf, TandemError } from "../../errors.js";
import { parseImages, parseLabels, unzipped } from "./idx.js";
import { type DataSource, MemorySet, type Samples, sliceSamples } from "../samples.js";

const FILES = {
  trainingImages: "train-images-idx3-ubyte",
  trainingLabels: "train-labels-idx1-ubyte",
  testImages: "t10k-images-idx3-ubyte",
  testLabels: "t10k-labels-idx1-ubyte",
} as const;

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
    `${file} has ${labelCount} labels for ${imageCount} images. Use files of the same data set.`,
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

/**
 * Reads a data set in MNIST's format, plain or gzipped.
 * @param folder where the four files are
 * @param validationSize how many training samples, from the first on, are held out
 * @returns images [height, width, 1] of bytes, with a class each. The digest is SHA-256 over the four unpacked files
 * @throws TandemError `data-…`, naming the file and what is wrong with it
 */
export function loadIdx(folder: string, validationSize: number): DataSource {
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
      `${testImagesFile.file} has images of ${testImages.height} × ${testImages.width} pixels, the training images have ${height} × ${width}. Use files of the same data set.`,
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
    inputs: trainingImages.pixels,
    targets: Int32Array.from(trainingLabels),
  };
  return {
    inputShape: [height, width, 1],
    inputType: "uint8",
    target: { kind: "classes", count: classCount },
    training: new MemorySet(sliceSamples(all, validationSize, all.count)),
    validation: new MemorySet(sliceSamples(all, 0, validationSize)),
    test: new MemorySet({
      count: testImages.count,
      inputs: testImages.pixels,
      targets: Int32Array.from(testLabels),
    }),
    digest: hash.digest("hex"),
  };
}
